/** Control of `bench fanout`: uWebSockets.js alone sends a frame of one size to every socket, again and again. */
import uWS from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { listenForParent } from '../support/listen-for-parent.ts'

const sockets = new Set<uWS.WebSocket<unknown>>()

const app = uWS.App().ws('/v1/ws', {
  idleTimeout: 0,
  sendPingsAutomatically: false,
  upgrade(response, request, context) {
    const key = request.getHeader('sec-websocket-key')
    response.upgrade({}, key, SUBPROTOCOL, request.getHeader('sec-websocket-extensions'), context)
  },
  open(ws) {
    sockets.add(ws)
    ws.send('{"type":"welcome"}')
  },
  message(ws) {
    ws.send('{"type":"subscribed"}')
  },
  close(ws) {
    sockets.delete(ws)
  },
})
/** A frame of this many bytes to every client, at this interval in ms. */
export interface BareLoad {
  readonly frameBytes: number
  readonly everyMs: number
}

let timer: NodeJS.Timeout | undefined
process.on('message', ({ frameBytes, everyMs }: BareLoad) => {
  clearInterval(timer)
  const frame = Buffer.alloc(frameBytes, 'x')
  timer = setInterval(() => {
    for (const ws of sockets) ws.send(frame, false)
  }, everyMs)
})
listenForParent(app)
