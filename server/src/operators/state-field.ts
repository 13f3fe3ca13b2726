/** Field name of a key's state at a time: `<time>:<key>`. */
export function fieldName(time: number, key: string): string {
  return `${time}:${key}`
}

/** Named fields on an object of a hundred thousand: spreading them in would make each a dictionary. */
export function parseFieldName(field: string): { readonly start: number; readonly key: string } {
  const colon = field.indexOf(':')
  return { start: Number(field.slice(0, colon)), key: field.slice(colon + 1) }
}
