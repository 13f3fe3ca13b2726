import type { Clock } from '../clock.ts'

/** How often a session is written to at most: what arrives in between travels in one frame. */
const FLUSH_MS = 10

export interface Flushable {
  /** Writes what it can, and tells whether it must be called again at the next tick. */
  flush(): boolean
}

/** The one flush timer of a node. It runs only while somebody has something to send; after a pause the first flush is immediate. */
export class Flusher {
  readonly #clock: Clock
  #waiting = new Set<Flushable>()
  #lastTick = 0
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  schedule(session: Flushable): void {
    this.#waiting.add(session)
    this.#arm()
  }

  close(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#waiting.clear()
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#immediate !== undefined) return
    const pauseMs = this.#lastTick + FLUSH_MS - this.#clock.now()
    if (pauseMs > 0) this.#timer = setTimeout(() => this.#tick(), Math.min(pauseMs, FLUSH_MS))
    // Not at once: everything the present turn has to offer shall travel together.
    else this.#immediate = setImmediate(() => this.#tick())
  }

  #tick(): void {
    this.#timer = undefined
    this.#immediate = undefined
    this.#lastTick = this.#clock.now()
    const due = this.#waiting
    this.#waiting = new Set()
    for (const session of due) if (session.flush()) this.#waiting.add(session)
    if (this.#waiting.size > 0) this.#arm()
  }
}
