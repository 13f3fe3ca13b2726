import type { Clock } from '../clock.ts'

/** How long requests are handled before other work gets a turn. */
const TURN_MS = 2

/**
 * Shares the time of the process among requests. While a turn of the event loop is short they are handled as they come;
 * the others wait for a later one, in rounds over the addresses that sent them. Requests of one connection that come
 * without waiting for an answer would otherwise all be handled before anything else.
 */
export class RequestTurns {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** By address, in the order of the round. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #turn: NodeJS.Immediate | undefined
  #until = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** A request has come. Resolves when it may be handled; `undefined`: at once. */
  take(address: string): Promise<void> | undefined {
    this.#begin()
    if (this.#waiting.size === 0 && this.#clock.monotonic() < this.#until) return undefined
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(address)
      if (waiting === undefined) this.#waiting.set(address, [resolve])
      else waiting.push(resolve)
    })
  }

  #begin(): void {
    if (this.#turn !== undefined) return
    this.#until = this.#clock.monotonic() + TURN_MS
    this.#turn = setImmediate(() => void this.#round())
  }

  async #round(): Promise<void> {
    this.#turn = undefined
    if (this.#waiting.size === 0) return
    this.#begin()
    do {
      const [first] = this.#waiting
      if (first === undefined) return
      const [address, waiting] = first
      const handle = waiting.shift()!
      this.#waiting.delete(address)
      if (waiting.length > 0) this.#waiting.set(address, waiting)
      handle()
      // What it starts runs now, and counts.
      await undefined
    } while (this.#clock.monotonic() < this.#until)
  }
}
