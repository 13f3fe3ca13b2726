import { createRequire } from 'node:module'
import type { SocketConstructor } from './socket.ts'

/** Options with the WebSocket of Node, from 22 on, or the class of the `ws` package below it. */
export function withNodeSocket<Options>(options: Options): Options {
  // A value that is no object is refused as it was written.
  return typeof options === 'object' ? { ...nodeSocket(), ...options } : options
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
