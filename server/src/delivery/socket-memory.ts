import { CLOSE } from '@tidegate/protocol'

/** Extra room made at once: the next bytes would exceed it again. */
const RELIEF_SHARE = 0.9

/**
 * Bytes that were written and that no kernel has taken yet, since the clients do not read: they wait in this process, as
 * copies for each socket.
 */
export class SocketMemory {
  readonly maxBytes: number
  readonly #onExceeded: () => void
  #usedBytes = 0

  /** @param onExceeded is called with every byte beyond; it MUST NOT write or close at once */
  constructor(maxBytes: number, onExceeded: () => void) {
    this.maxBytes = maxBytes
    this.#onExceeded = onExceeded
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** More waits for one socket, or less. */
  changed(bytes: number): void {
    this.#usedBytes += bytes
    if (bytes > 0 && this.#usedBytes > this.maxBytes) this.#onExceeded()
  }
}

/** A subscriber, as far as it matters here. */
interface Unread {
  /** Those of one caller or address share it. */
  readonly purse: object
  readonly unreadBytes: number
  end(code: typeof CLOSE.tooSlow): void
}

/**
 * Closes subscribers that do not read until there is room again: those of the caller or address with the most unread bytes
 * first, of these the largest.
 */
export function relieveSockets(memory: SocketMemory, subscribers: Iterable<Unread>): void {
  const purses = new Map<object, { bytes: number; readonly all: Unread[] }>()
  for (const subscriber of subscribers) {
    const { purse, unreadBytes } = subscriber
    if (unreadBytes === 0) continue
    const of = purses.get(purse) ?? { bytes: 0, all: [] }
    purses.set(purse, of)
    of.bytes += unreadBytes
    of.all.push(subscriber)
  }
  for (const { all } of [...purses.values()].sort((a, b) => b.bytes - a.bytes)) {
    for (const subscriber of all.sort((a, b) => b.unreadBytes - a.unreadBytes)) {
      if (memory.usedBytes <= memory.maxBytes * RELIEF_SHARE) return
      subscriber.end(CLOSE.tooSlow)
    }
  }
}
