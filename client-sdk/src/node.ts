import { type ClientOptions, createClient as createBrowserClient, type TidegateClient } from './client.ts'
import { withNodeSocket } from './connection/node-socket.ts'

export * from './index.ts'

/** Opens a client on Node: its WebSocket is that of Node, from 22 on, or the class of the `ws` package below it. */
export function createClient<C = unknown>(options: ClientOptions): TidegateClient<C> {
  return createBrowserClient<C>(withNodeSocket(options))
}
