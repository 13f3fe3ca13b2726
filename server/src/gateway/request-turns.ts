import type { Clock } from '../clock.ts'
import { LoopTurn } from '../loop-turn.ts'
import { TurnRounds } from './turn-rounds.ts'

/** Requests of one address that may wait. */
const MAX_WAITING = 100

/** Somebody who sends requests. */
export interface Asker {
  /** Askers of one address take turns as one. */
  readonly address: string
  /** How long until its share of the event loop allows another request, ms; 0: now. MUST NOT throw. */
  workWaitMs(): number
}

interface Waiting {
  readonly asker: Asker
  readonly handle: () => void
}

/**
 * Shares the time of the process among requests. While a turn of the event loop is short they are handled as they come;
 * the others wait for a later one, in rounds over the addresses that sent them. Requests of one connection that come
 * without waiting for an answer would otherwise all be handled before anything else. Those of an address that has used up
 * its share of the event loop wait until it has grown again.
 */
export class RequestTurns {
  readonly #rounds: TurnRounds<string>
  /** By address. */
  readonly #waiting = new Map<string, Waiting[]>()
  #turns = 0

  constructor(clock: Pick<Clock, 'monotonic'>, loopTurn = new LoopTurn(clock)) {
    this.#rounds = new TurnRounds({
      clock,
      loopTurn,
      purseOf: (address) => address,
      waitMs: (address) => this.#waiting.get(address)![0]!.asker.workWaitMs(),
      onTurn: () => void this.#handleWaiting(),
    })
  }

  /** Differs from turn to turn of the event loop while requests are handled. */
  get turn(): number {
    return this.#turns
  }

  isFull(address: string): boolean {
    return (this.#waiting.get(address)?.length ?? 0) >= MAX_WAITING
  }

  /** A request has come. Resolves when it may be handled; `undefined`: at once. */
  take(asker: Asker): Promise<void> | undefined {
    this.#rounds.begin()
    const { address } = asker
    const waiting = this.#waiting.get(address)
    const isFree = this.#rounds.isEmpty && this.#rounds.hasTime
    if (waiting === undefined && isFree && asker.workWaitMs() === 0) return undefined
    return new Promise((handle) => {
      if (waiting !== undefined) return void waiting.push({ asker, handle })
      this.#waiting.set(address, [{ asker, handle }])
      this.#rounds.add(address)
    })
  }

  async #handleWaiting(): Promise<void> {
    this.#turns++
    do {
      const address = this.#rounds.take()
      if (address === undefined) return
      const waiting = this.#waiting.get(address)!
      const { handle } = waiting.shift()!
      if (waiting.length > 0) this.#rounds.add(address)
      else this.#waiting.delete(address)
      handle()
      // What it starts runs now, and counts.
      await undefined
    } while (this.#rounds.hasTime)
  }
}
