const lengths = new WeakMap<object, number>()

/** Characters of the JSON of a value. An object MUST NOT change any more: it is measured once. */
export function jsonLength(value: unknown): number {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)?.length ?? 0
  return lengths.get(value) ?? measuredJson(value).length
}

/** The JSON of an object that does not change any more. */
export function measuredJson(value: object): string {
  const json = JSON.stringify(value)
  lengths.set(value, json.length)
  return json
}
