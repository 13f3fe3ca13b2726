/** Shorter ones would hide words that happen to contain them. */
const MIN_CHARS = 6
const HIDDEN = '***'
/** User and password of an address, however they are written: to the last @ before a space. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]*:\/\/)\S*@/gi

const secrets = new Set<string>()

/** From now on `withoutSecrets` hides this text, as it is and percent-encoded. */
export function keepSecret(text: string): void {
  if (text.length < MIN_CHARS) return
  secrets.add(text)
  secrets.add(encodeURIComponent(text))
}

/** Text for a log or a terminal: without user and password of addresses, and without what is kept secret. */
export function withoutSecrets(text: string): string {
  let shown = text.replace(USER_INFO, `$1${HIDDEN}@`)
  for (const secret of secrets) shown = shown.replaceAll(secret, HIDDEN)
  return shown
}
