import { SUBPROTOCOL } from '@tidegate/protocol'
import { errorReply } from '../http/replies.ts'
import { joinLines, type RawHead } from './request-head.ts'
import type { Arrival, HttpResponse, TransportHandlers } from './transport.ts'

/** Only this path upgrades. */
export const SOCKET_PATH = '/v1/ws'
/** RFC 6455. */
const VERSION = '13'

/** Why a WebSocket handshake is refused; `undefined` when it is accepted, with `SUBPROTOCOL` and no extension. */
export function refuseUpgrade(headers: RawHead['headers']): HttpResponse | undefined {
  const lines = [...headers]
  const values = (name: string) => lines.filter(([other]) => other === name).map(([, value]) => value)
  // A body would be read as frames by this server, and as a body by a proxy in front of it.
  if (values('transfer-encoding').length > 0 || values('content-length').some((length) => length !== '0')) {
    return errorReply('invalid_frame', 'A WebSocket handshake has no body.')
  }
  if (values('sec-websocket-version').join() !== VERSION) {
    const { headers, body } = errorReply('invalid_frame', `Only WebSocket version ${VERSION} is spoken here.`)
    return { kind: 'whole', status: 426, headers: { ...headers, 'sec-websocket-version': VERSION }, body }
  }
  const offered = values('sec-websocket-protocol').join().split(',')
  if (!offered.some((name) => name.trim() === SUBPROTOCOL)) {
    return errorReply('invalid_frame', `Ask for the WebSocket subprotocol ${SUBPROTOCOL}.`)
  }
  return undefined
}

export function arrivalOf(remoteAddress: string, headers: RawHead['headers']): Arrival {
  const fields = joinLines(headers)
  return { remoteAddress, header: (name) => fields.get(name) }
}

/** Why the handlers refuse a handshake, if they do. */
export function admit(handlers: TransportHandlers, arrival: Arrival): HttpResponse | undefined {
  try {
    return handlers.upgrade(arrival)
  } catch (error) {
    return errorReply('internal', handlers.defect('a handshake', error))
  }
}
