import uWS from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { listenForParent } from '../support/listen-for-parent.ts'

export type ControlSocket = Pick<uWS.WebSocket<unknown>, 'send'>

const PUBLISH = Buffer.from('{"type":"publish","seq":')
const SUBSCRIBE = Buffer.from('{"type":"subscribe"')

/**
 * Serves what the controls of `bench latency` have in common: publishers, and subscribers of everything.
 *
 * @param onPublish its `payload` outlives the call
 */
export function serveControl(
  onPublish: (payload: Buffer, socket: ControlSocket, subscribers: Iterable<ControlSocket>) => void,
): void {
  const subscribers = new Set<uWS.WebSocket<unknown>>()
  const app = uWS.App().ws('/v1/ws', {
    upgrade(response, request, context) {
      const key = request.getHeader('sec-websocket-key')
      response.upgrade({}, key, SUBPROTOCOL, request.getHeader('sec-websocket-extensions'), context)
    },
    message(ws, message) {
      const payload = Buffer.from(Buffer.from(message))
      if (startsWith(payload, PUBLISH)) return onPublish(payload, ws, subscribers)
      if (!startsWith(payload, SUBSCRIBE)) return
      subscribers.add(ws)
      ws.send('{"type":"subscribed"}')
    },
    close(ws) {
      subscribers.delete(ws)
    },
  })
  listenForParent(app)
}

const startsWith = (payload: Buffer, prefix: Buffer) =>
  payload.compare(prefix, 0, prefix.length, 0, prefix.length) === 0

/** The answer to a published frame. */
export function ackOf(payload: Buffer): string {
  return `{"type":"ack","seq":${Number.parseInt(payload.toString('latin1', PUBLISH.length, PUBLISH.length + 12), 10)}}`
}
