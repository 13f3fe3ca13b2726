/** uWebSockets.js alone: it acknowledges what it gets, sends it to every subscriber and stores nothing. */
import uWS from 'uWebSockets.js'
import { listenForParent } from '../../support/listen-for-parent.ts'

const TOPIC = 'events'
const PUBLISH = '{"seq":'

const app = uWS.App().ws('/', {
  maxPayloadLength: 2 * 1_048_576,
  idleTimeout: 0,
  message(ws, message) {
    const head = Buffer.from(message).toString('latin1', 0, PUBLISH.length + 12)
    if (head.startsWith(PUBLISH)) {
      app.publish(TOPIC, message)
      ws.send(`{"ack":${Number.parseInt(head.slice(PUBLISH.length), 10)}}`)
    } else {
      ws.subscribe(TOPIC)
      ws.send('{"subscribed":true}')
    }
  },
})
listenForParent(app)
