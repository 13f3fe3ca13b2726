/** Shorter ones would hide words that happen to contain them. */
const MIN_CHARS = 6
const HIDDEN = '***'
const WORD = /\S+/g

const secrets = new Set<string>()

/** From now on `withoutSecrets` hides this text, as it is and percent-encoded. */
export function keepSecret(text: string): void {
  if (text.length < MIN_CHARS) return
  secrets.add(text)
  secrets.add(encodeURIComponent(text))
}

/** Text for a log or a terminal: without user and password of addresses, and without what is kept secret. */
export function withoutSecrets(text: string): string {
  let shown = text.replace(WORD, withoutUserInfo)
  for (const secret of secrets) shown = shown.replaceAll(secret, HIDDEN)
  return shown
}

/**
 * User and password of an address, however they are written: to the last @ of the word. Looked for from both ends, because a
 * pattern would be tried at every `://` of a text that somebody else wrote.
 */
function withoutUserInfo(word: string): string {
  const from = word.indexOf('://')
  const to = word.lastIndexOf('@')
  return from === -1 || to < from ? word : `${word.slice(0, from + 3)}${HIDDEN}${word.slice(to)}`
}
