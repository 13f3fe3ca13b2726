import type { Clock } from '../clock.ts'
import { LoopTurn } from '../loop-turn.ts'

/** Requests of one address that may wait. */
const MAX_WAITING = 100
/** How often those are looked at that have used up their share. */
const HELD_LOOK_MS = 20

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
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #loopTurn: LoopTurn
  readonly #waiting = new Map<string, Waiting[]>()
  /** Addresses of which requests wait, in the order of the round, without those that have used up their share. */
  readonly #round = new Set<string>()
  #turn: NodeJS.Immediate | undefined
  /** Runs while somebody waits for its share. */
  #look: NodeJS.Timeout | undefined
  #until = 0
  #turns = 0

  constructor(clock: Pick<Clock, 'monotonic'>, loopTurn = new LoopTurn(clock)) {
    this.#clock = clock
    this.#loopTurn = loopTurn
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
    this.#begin()
    const { address } = asker
    const waiting = this.#waiting.get(address)
    const isFree = this.#round.size === 0 && this.#clock.monotonic() < this.#until
    if (waiting === undefined && isFree && asker.workWaitMs() === 0) return undefined
    return new Promise((handle) => {
      if (waiting !== undefined) return void waiting.push({ asker, handle })
      this.#waiting.set(address, [{ asker, handle }])
      this.#round.add(address)
    })
  }

  #begin(): void {
    if (this.#turn !== undefined) return
    this.#until = this.#loopTurn.until()
    this.#turn = setImmediate(() => void this.#go())
  }

  async #go(): Promise<void> {
    this.#turn = undefined
    this.#turns++
    if (this.#round.size === 0) return
    this.#begin()
    do {
      const [address] = this.#round
      if (address === undefined) return
      const waiting = this.#waiting.get(address)!
      this.#round.delete(address)
      if (waiting[0]!.asker.workWaitMs() > 0) {
        this.#hold()
        continue
      }
      const { handle } = waiting.shift()!
      if (waiting.length > 0) this.#round.add(address)
      else this.#waiting.delete(address)
      handle()
      // What it starts runs now, and counts.
      await undefined
    } while (this.#clock.monotonic() < this.#until)
  }

  #hold(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined
      for (const address of this.#waiting.keys()) this.#round.add(address)
      this.#begin()
    }, HELD_LOOK_MS)
    this.#look.unref()
  }
}
