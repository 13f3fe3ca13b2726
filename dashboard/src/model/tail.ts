import type { ReceivedEvent } from './recent-events.ts'

/** Rows that are shown: more than anybody reads. */
export const MAX_ROWS = 200

/** The newest events of a topic. While it is paused the rows stay, and events are still counted. */
export class Tail {
  readonly #events: ReceivedEvent[] = []
  /** Events that came, and how many of them the rows know. */
  #count = 0
  #taken = 0
  #isPaused = false

  get count(): number {
    return this.#count
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Events that came since it was paused. */
  get waiting(): number {
    return this.#count - this.#taken
  }

  add(event: ReceivedEvent): void {
    this.#count++
    this.#events.push(event)
    if (this.#events.length > MAX_ROWS) this.#events.shift()
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
  }

  /** New rows since the last call, newest first; none while it is paused. */
  take(): readonly ReceivedEvent[] {
    if (this.#isPaused) return []
    const fresh = Math.min(this.#count - this.#taken, this.#events.length)
    this.#taken = this.#count
    return fresh === 0 ? [] : this.#events.slice(-fresh).reverse()
  }
}
