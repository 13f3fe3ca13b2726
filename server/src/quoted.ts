const QUOTED_CHARS = 64

/** As much of a client's text as an answer repeats. Cut within a character, it would hold half of one. */
export function quoted(text: string): string {
  return text.length <= QUOTED_CHARS ? text : `${text.slice(0, QUOTED_CHARS).toWellFormed()}...`
}
