/** Control of `bench idle`: uWebSockets.js alone, with the gateway's socket settings. */
import uWS from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'

const app = uWS.App().ws('/v1/ws', {
  maxPayloadLength: 2 * 1_048_576,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  upgrade(response, request, context) {
    const key = request.getHeader('sec-websocket-key')
    response.upgrade({}, key, SUBPROTOCOL, request.getHeader('sec-websocket-extensions'), context)
  },
  message(ws) {
    ws.send('{"type":"subscribed"}')
  },
})
app.listen('127.0.0.1', 0, (socket) => {
  if (socket) process.send!({ type: 'ready', port: uWS.us_socket_local_port(socket) })
  else process.exit(1)
})
process.once('disconnect', () => process.exit(0))
