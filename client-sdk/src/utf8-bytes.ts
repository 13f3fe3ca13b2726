// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII begins with them
const ASCII = /^[\x00-\x7f]*$/

/** UTF-8 bytes of well-formed text. Most text is ASCII, and testing for it is faster than encoding. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  if (ASCII.test(text)) return bytes
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0xd800 && unit <= 0xdfff) bytes += 1
    else if (unit > 0x7ff) bytes += 2
    else if (unit > 0x7f) bytes += 1
  }
  return bytes
}
