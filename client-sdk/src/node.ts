import { WebSocket } from 'ws'
import { type ClientOptions, createClient as createBrowserClient, type TidegateClient } from './client.ts'

export * from './index.ts'

/** Opens a client on Node with the `ws` package as its WebSocket. */
export function createClient<C = unknown>(options: ClientOptions): TidegateClient<C> {
  return createBrowserClient<C>({ WebSocket, ...options })
}
