/** Patterns of JSON without white space, as `JSON.stringify` writes it. Strings have no escapes but those of two characters. */
export const jsonPatterns = {
  string: '"[^"\\\\\\x00-\\x1f]*(?:\\\\["\\\\/bfnrt][^"\\\\\\x00-\\x1f]*)*"',
  number: '-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?',
  boolean: '(?:true|false)',
} as const

/**
 * A pattern of the stored JSON of one event in the payload of its batch, with what separates it from the next one. Events
 * with a trace context have another form.
 *
 * @param data pattern of its data
 * @param hasSource whether it has a source, which is the first group then
 */
export function eventPattern(data: string, hasSource: boolean): string {
  const { string, number } = jsonPatterns
  const source = hasSource ? `,"source":(${string})` : ''
  return `\\{"id":${string},"key":${string},"time":${number}${source},"data":${data}\\}(?:,(?=\\{)|$)`
}
