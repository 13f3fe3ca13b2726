const lengths = new WeakMap<object, number>()

/** Characters of the JSON of a value. An object MUST NOT change any more: it is measured once. */
export function jsonLength(value: unknown): number {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)?.length ?? 0
  const known = lengths.get(value)
  if (known !== undefined) return known
  const { length } = JSON.stringify(value)
  lengths.set(value, length)
  return length
}
