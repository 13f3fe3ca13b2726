import { clientError } from '../errors/errors.ts'

/** Any WebSocket class: the browser's, or that of `ws`. */
export type SocketConstructor = new (url: string, protocols?: string | string[]) => SocketLike

/** The common part of classes with different event types. */
export interface SocketLike {
  readonly readyState: number
  send(data: string): void
  close(code?: number, reason?: string): void
}

/** The event properties that all of them have. */
export interface Socket extends SocketLike {
  onopen: (() => void) | null
  onmessage: ((message: { readonly data: unknown }) => void) | null
  onclose: ((close: { readonly code: number; readonly reason: string }) => void) | null
  onerror: ((event: { readonly error?: unknown }) => void) | null
}

/** `readyState` of a socket that can send. */
export const OPEN = 1

/** The socket address of the gateway that an address names. @throws TidegateError `invalid_url` */
export function socketUrl(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const [, secure] = /^(?:http|ws)(s?):$/.exec(url?.protocol ?? '') ?? []
  if (secure === undefined) throw clientError('invalid_url')
  return `ws${secure}://${url!.host}/v1/ws`
}
