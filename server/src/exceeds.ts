/** Whether the UTF-8 form of a text is longer than `bytes`; counted only when the length in characters leaves it open. */
export function exceeds(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes
}

/** A text, or the beginning of it where its UTF-8 form is longer than `bytes`. */
export function clipped(text: string, bytes: number): string {
  return exceeds(text, bytes) ? text.slice(0, bytes / 3).toWellFormed() : text
}
