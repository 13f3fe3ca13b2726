import { createRequire } from 'node:module'
import { type ClientOptions, createClient as createBrowserClient, type TidegateClient } from './client.ts'
import type { SocketConstructor } from './socket.ts'

export * from './index.ts'

/** Opens a client on Node: its WebSocket is that of Node, from 22 on, or the class of the `ws` package below it. */
export function createClient<C = unknown>(options: ClientOptions): TidegateClient<C> {
  // What is no object is refused as it was written.
  return createBrowserClient<C>(typeof options === 'object' ? { ...nodeSocket(), ...options } : options)
}

/** By `require`: a client opens at once, and a Node that has a WebSocket needs no `ws`. */
function nodeSocket(): { readonly WebSocket?: SocketConstructor } {
  if (globalThis.WebSocket !== undefined) return {}
  try {
    return { WebSocket: (createRequire(import.meta.url)('ws') as { readonly WebSocket: SocketConstructor }).WebSocket }
  } catch {
    return {}
  }
}
