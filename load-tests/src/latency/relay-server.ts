/** Control of `bench latency`: uWebSockets.js alone, which sends what it gets to every subscriber and stores nothing. */
import { ackOf, serveControl } from './control-sockets.ts'

serveControl((payload, publisher, subscribers) => {
  publisher.send(ackOf(payload))
  for (const subscriber of subscribers) subscriber.send(payload)
})
