import type { Clock } from '../clock.ts'
import { LoopTurn } from '../loop-turn.ts'
import type { ClientLimits } from './client-limits.ts'
import { Turns } from './turns.ts'

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
  readonly #loopTurn: Pick<LoopTurn, 'until'>
  #turn: NodeJS.Immediate | undefined
  /** Runs while everybody who waits has used up their share. */
  #paying: NodeJS.Timeout | undefined

  constructor(clock: Pick<Clock, 'monotonic'>, loopTurn: Pick<LoopTurn, 'until'> = new LoopTurn(clock)) {
    this.#clock = clock
    this.#loopTurn = loopTurn
  }

  /** @param action is called once, after what waits for this worker already. MUST NOT throw. */
  run(worker: Worker, action: () => void): void {
    this.#turns.add(worker.purse, { worker, action })
    this.#schedule()
  }

  /** The same for what is paid for otherwise: nobody waits for a share. Its result is there at the end of the turn. */
  inTurn<Result>(purse: object, action: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.run({ purse, workWaitMs: () => 0, working: (act) => act() }, () => {
        try {
          resolve(action())
        } catch (error) {
          reject(error)
        }
      })
    })
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
    const until = this.#loopTurn.until()
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
