import { SHARED_SUBPROTOCOL, SUBPROTOCOL } from '@tidegate/protocol'
import { errorReply } from '../http/replies.ts'
import type { ReadHead } from './request-head.ts'
import type { Arrival, HttpResponse, TransportHandlers } from './transport.ts'

/** Only this path upgrades. */
export const SOCKET_PATH = '/v1/ws'
/** RFC 6455. */
const VERSION = '13'
const WEBSOCKET = /^websocket$/i
/** One of a list. */
const UPGRADE = /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/i
/** 16 bytes in base64. */
const KEY = /^[A-Za-z\d+/]{22}==$/

export type Upgrade =
  /** Not asked for: the request is one like any other. */
  | { readonly kind: 'none' }
  /**
   * The connection MUST be closed: a proxy that takes the handshake for granted would pass on whatever follows, which
   * would be read as requests.
   */
  | { readonly kind: 'refused'; readonly answer: HttpResponse }
  /** With this subprotocol and no extension. */
  | { readonly kind: 'accepted'; readonly key: string; readonly subprotocol: string; readonly arrival: Arrival }

export type Peer = Pick<Arrival, 'remoteAddress' | 'certificate'>

/** What becomes of a request that may be a WebSocket handshake. */
export function readUpgrade(head: ReadHead, peer: Peer, handlers: TransportHandlers): Upgrade {
  const { method, path, version, headers } = head
  // HTTP/1.0 has no upgrades (RFC 9110, 7.8).
  if (path !== SOCKET_PATH || version !== '1.1' || method !== 'GET') return { kind: 'none' }
  if (!WEBSOCKET.test(headers.get('upgrade') ?? '') || !UPGRADE.test(headers.get('connection') ?? '')) {
    return { kind: 'none' }
  }
  // A body would be read as frames by this server, and as a body by a proxy in front of it.
  if (headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0') {
    return refused(errorReply('invalid_frame', 'A WebSocket handshake has no body.'))
  }
  if (headers.get('sec-websocket-version') !== VERSION) {
    const { headers, body } = errorReply('invalid_frame', `Only WebSocket version ${VERSION} is spoken here.`)
    const offer = { upgrade: 'websocket', 'sec-websocket-version': VERSION }
    return refused({ kind: 'whole', status: 426, headers: { ...headers, ...offer }, body })
  }
  const key = headers.get('sec-websocket-key') ?? ''
  if (!KEY.test(key)) return refused(errorReply('invalid_frame', 'Sec-WebSocket-Key is not 16 bytes in base64.'))
  const subprotocol = subprotocolOf((name) => headers.get(name))
  if (subprotocol === undefined) {
    return refused(errorReply('invalid_frame', `Ask for the WebSocket subprotocol ${SUBPROTOCOL}.`))
  }
  const arrival = { ...peer, header: (name: string) => headers.get(name) }
  const refusal = admit(handlers, arrival)
  return refusal === undefined ? { kind: 'accepted', key, subprotocol, arrival } : refused(refusal)
}

/** That of the offered ones which is spoken: the first that there is here. */
export function subprotocolOf(header: Arrival['header']): string | undefined {
  const offered = header('sec-websocket-protocol')?.split(',') ?? []
  return offered.map((name) => name.trim()).find((name) => name === SUBPROTOCOL || name === SHARED_SUBPROTOCOL)
}

function refused(answer: HttpResponse): Upgrade {
  return { kind: 'refused', answer }
}

/** Why the handlers refuse a handshake, if they do. */
function admit(handlers: TransportHandlers, arrival: Arrival): HttpResponse | undefined {
  try {
    return handlers.upgrade(arrival)
  } catch (error) {
    return errorReply('internal', handlers.defect('a handshake', error))
  }
}
