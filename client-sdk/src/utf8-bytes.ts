// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII begins with them
const ASCII = /^[\x00-\x7f]*$/

const encoder = new TextEncoder()

/** UTF-8 bytes of well-formed text. Most text is ASCII, and testing for it is faster than encoding. */
export function utf8Bytes(text: string): number {
  return ASCII.test(text) ? text.length : encoder.encode(text).length
}
