const encoder = new TextEncoder()
/** Written and never read: counting by the encoder is several times faster than looking at each character. */
const scratch = new Uint8Array(16_384)

/** UTF-8 bytes of well-formed text. */
export function utf8Bytes(text: string): number {
  let bytes = 0
  for (let rest = text; rest !== ''; ) {
    const { read, written } = encoder.encodeInto(rest, scratch)
    bytes += written
    rest = rest.slice(read)
  }
  return bytes
}
