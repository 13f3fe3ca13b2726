import type { ConnectOptions } from './client/core.ts'
import { createReader as createBrowserReader, type Reader } from './client/reader.ts'
import { createSubscriber as createBrowserSubscriber, type Subscriber } from './client/subscriber.ts'
import { withNodeSocket } from './connection/node-socket.ts'

export * from './subscribe.ts'

/** Opens a client that subscribes, on Node: its WebSocket is that of Node, or the class of the `ws` package. */
export function createSubscriber<C = unknown>(options: ConnectOptions): Subscriber<C> {
  return createBrowserSubscriber<C>(withNodeSocket(options))
}

/** Opens a client that subscribes and asks, on Node: its WebSocket is that of Node, or the class of the `ws` package. */
export function createReader<C = unknown>(options: ConnectOptions): Reader<C> {
  return createBrowserReader<C>(withNodeSocket(options))
}
