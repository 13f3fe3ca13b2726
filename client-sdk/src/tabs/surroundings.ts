import type { SocketConstructor } from '../connection/socket.ts'

/** One end of a way between two places: that of a BroadcastChannel or of a MessageChannel. */
export interface Line {
  postMessage(message: unknown): void
  onmessage: ((message: { readonly data: unknown }) => void) | null
  close(): void
}

/** The part of `navigator.locks` that is used. */
export interface Locks {
  /** Rejects when the lock was stolen or the signal aborted. */
  request(
    name: string,
    options: { readonly steal?: boolean; readonly signal?: unknown },
    whileHeld: () => Promise<void>,
  ): Promise<void>
}

/** What a page offers to its tabs. */
export interface Surroundings {
  readonly locks: Locks
  readonly WebSocket: SocketConstructor
  /** Between all places that name it. */
  channel(name: string): Line
  /** Within this page. */
  pair(): readonly [Line, Line]
  /** Now, ms since 1970. */
  now(): number
  /** How often a tab looks whether its leader has been silent. */
  readonly lookMs: number
}

/** Some seconds until a leader that hangs is stepped over, and no more than a message a look from a quiet page. */
const LOOK_MS = 2_000

interface Page {
  readonly navigator?: { readonly locks?: Locks }
  readonly WebSocket?: SocketConstructor
  readonly BroadcastChannel?: new (name: string) => Line
  readonly MessageChannel?: new () => { readonly port1: Line; readonly port2: Line }
}

/** `undefined` where there are no locks: pages over plain HTTP, and Node below 24. */
export function readSurroundings(): Surroundings | undefined {
  const { navigator, WebSocket, BroadcastChannel, MessageChannel } = globalThis as unknown as Page
  const locks = navigator?.locks
  if (!locks || !WebSocket || !BroadcastChannel || !MessageChannel) return undefined
  return {
    locks,
    WebSocket,
    channel: (name) => new BroadcastChannel(name),
    pair() {
      const { port1, port2 } = new MessageChannel()
      return [port1, port2]
    },
    now: Date.now,
    lookMs: LOOK_MS,
  }
}
