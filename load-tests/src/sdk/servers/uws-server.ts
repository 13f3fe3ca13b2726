import uWS from 'uWebSockets.js'
import { feedOnRequest } from '../feed.ts'
import type { Reading } from '../reading.ts'

/** How a server of JSON messages speaks. */
export interface JsonProtocol {
  readonly subprotocol: string | undefined
  /** The answer to a message; `subscribe` adds its sender to those that the feed is sent to. */
  answer(message: string, subscribe: () => void): string
  push(reading: Reading): string
}

/** A server that only answers, and sends a feed, a message for each event. It reports its port to its parent. */
export function serve({ subprotocol, answer, push }: JsonProtocol): void {
  const subscribers = new Set<uWS.WebSocket<unknown>>()
  const app = uWS.App().ws('/v1/ws', {
    maxPayloadLength: 2 * 1_048_576,
    upgrade(response, request, context) {
      const key = request.getHeader('sec-websocket-key')
      response.upgrade({}, key, subprotocol ?? '', request.getHeader('sec-websocket-extensions'), context)
    },
    message(ws, message) {
      ws.send(answer(Buffer.from(message).toString('utf8'), () => subscribers.add(ws)))
    },
    close(ws) {
      subscribers.delete(ws)
    },
  })
  feedOnRequest((readings) => {
    for (const ws of subscribers) {
      ws.cork(() => {
        for (const reading of readings) ws.send(push(reading))
      })
    }
  })
  app.listen('127.0.0.1', 0, (socket) => {
    if (socket) process.send!({ type: 'ready', port: uWS.us_socket_local_port(socket) })
    else process.exit(1)
  })
}
