/** Control of `bench idle`: uWebSockets.js alone, with the gateway's socket settings. */
import uWS from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { listenForParent } from '../support/listen-for-parent.ts'

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
listenForParent(app)
