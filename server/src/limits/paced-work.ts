import type { Clock } from '../clock.ts'
import type { ClientLimits } from './client-limits.ts'
import { Turns } from './turns.ts'

/** How long it is done before other work gets a turn. */
const TURN_MS = 2

/** Who pays for work. */
export type Worker = Pick<ClientLimits, 'purse' | 'working' | 'workWaitMs'>

interface Waiting {
  readonly worker: Worker
  readonly action: () => void
}

/**
 * What has to be done for clients once something else has happened: much may be due at the same moment. Purses take turns, a
 * little is done in each turn of the event loop, and those who have used up their share of it wait.
 */
export class PacedWork {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #turns = new Turns<Waiting>()
  #turn: NodeJS.Immediate | undefined
  /** Runs while everybody who waits has used up their share. */
  #paying: NodeJS.Timeout | undefined

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** @param action is called once, after what waits for this worker already. MUST NOT throw. */
  run(worker: Worker, action: () => void): void {
    this.#turns.add(worker.purse, { worker, action })
    this.#schedule()
  }

  /** Nothing more is done. */
  close(): void {
    clearImmediate(this.#turn)
    clearTimeout(this.#paying)
    this.#turns.clear()
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => this.#go())
  }

  #go(): void {
    this.#turn = undefined
    const until = this.#clock.monotonic() + TURN_MS
    do {
      const next = this.#turns.take((_, { worker }) => worker.workWaitMs() === 0)
      if (next === undefined) return this.#waitForPayment()
      next.worker.working(next.action)
    } while (this.#clock.monotonic() < until)
    if (this.#turns.size > 0) this.#schedule()
  }

  #waitForPayment(): void {
    if (this.#turns.size === 0 || this.#paying !== undefined) return
    this.#paying = setTimeout(
      () => {
        this.#paying = undefined
        this.#schedule()
      },
      this.#turns.waitMs((_, { worker }) => worker.workWaitMs()),
    )
    this.#paying.unref()
  }
}
