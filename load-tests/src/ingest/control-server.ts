/** Control of `bench ingest`: uWebSockets.js and JSON.parse alone, answering every frame as the gateway would. */

import uWS from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { listenForParent } from '../support/listen-for-parent.ts'

const app = uWS.App().ws('/v1/ws', {
  maxPayloadLength: 2 * 1_048_576,
  upgrade(response, request, context) {
    const key = request.getHeader('sec-websocket-key')
    response.upgrade({}, key, SUBPROTOCOL, request.getHeader('sec-websocket-extensions'), context)
  },
  message(ws, message) {
    const frame = JSON.parse(Buffer.from(message).toString('utf8')) as { type: string; seq: number }
    if (frame.type === 'publish') ws.send(`{"type":"ack","seq":${frame.seq}}`)
  },
})
listenForParent(app)
