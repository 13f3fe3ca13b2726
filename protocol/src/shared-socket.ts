/** One message on a socket that several clients share: about the client of that number. */
export type SharedMessage =
  /** A client begins, or the server has taken it. */
  | { readonly kind: 'open'; readonly client: number }
  /** A frame of the client, or to it, as it would be on a socket of its own. */
  | { readonly kind: 'frame'; readonly client: number; readonly frame: string }
  /** The connection of the client is closed, by either side. */
  | { readonly kind: 'close'; readonly client: number; readonly code: number; readonly reason: string }

/** RFC 6455: closed without a code. */
const NO_CODE = 1_005
const MESSAGE = /^(0|[1-9]\d{0,8})([:+-])/
const CLOSING = /^(\d{4}) ?/

export function formatShared(message: SharedMessage): string {
  switch (message.kind) {
    case 'open':
      return `${message.client}+`
    case 'frame':
      return sharedPrefix(message.client) + message.frame
    case 'close':
      return `${message.client}-${message.code} ${message.reason}`.trimEnd()
  }
}

/** What stands before the frames of a client. */
export function sharedPrefix(client: number): string {
  return `${client}:`
}

/** Total: `undefined` is no message. */
export function parseShared(text: string): SharedMessage | undefined {
  const [head, number, mark] = MESSAGE.exec(text) ?? []
  if (head === undefined) return undefined
  const client = Number(number)
  const rest = text.slice(head.length)
  if (mark === ':') return { kind: 'frame', client, frame: rest }
  if (mark === '+') return rest === '' ? { kind: 'open', client } : undefined
  if (rest === '') return { kind: 'close', client, code: NO_CODE, reason: '' }
  const [matched, code] = CLOSING.exec(rest) ?? []
  return matched === undefined
    ? undefined
    : { kind: 'close', client, code: Number(code), reason: rest.slice(matched.length) }
}
