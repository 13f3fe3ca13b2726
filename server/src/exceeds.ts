/** Whether the UTF-8 form of a text is longer than `bytes`; counted only when the length in characters leaves it open. */
export function exceeds(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}
