/** Control of `bench fanout`: uWebSockets.js alone sends a frame of one size to every socket, every 10 ms. */
import uWS from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'

const TICK_MS = 10
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
process.on('message', ({ frameBytes }: { frameBytes: number }) => {
  const frame = Buffer.alloc(frameBytes, 'x')
  setInterval(() => {
    for (const ws of sockets) ws.send(frame, false)
  }, TICK_MS)
})
app.listen('127.0.0.1', 0, (socket) => {
  if (socket) process.send!({ type: 'ready', port: uWS.us_socket_local_port(socket) })
  else process.exit(1)
})
process.once('disconnect', () => process.exit(0))
