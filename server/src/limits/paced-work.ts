import type { Clock } from '../clock.ts'
import { LoopTurn } from '../loop-turn.ts'
import type { ClientLimits } from './client-limits.ts'
import { PacedLoop } from './paced-loop.ts'
import { Turns } from './turns.ts'

/** Who pays for work. */
export type Worker = Pick<ClientLimits, 'purse' | 'working' | 'workWaitMs'>

interface Waiting {
  readonly worker: Worker
  readonly action: () => void
}

/**
 * Work for clients of which much may fall due at the same moment. Purses take turns, a little is done in each turn of the event
 * loop, and those who have used up their share of it wait.
 */
export class PacedWork {
  readonly #turns = new Turns<Waiting>()
  readonly #loop: PacedLoop

  constructor(clock: Pick<Clock, 'monotonic'>, loopTurn: Pick<LoopTurn, 'until'> = new LoopTurn(clock)) {
    this.#loop = new PacedLoop(clock, loopTurn, () => this.#runNext())
  }

  /** @param action is called once, after what waits for this worker already. MUST NOT throw. */
  run(worker: Worker, action: () => void): void {
    this.#turns.add(worker.purse, { worker, action })
    this.#loop.wake()
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
    this.#loop.close()
    this.#turns.clear()
  }

  /** @returns how long until another may run, ms */
  #runNext(): number {
    const next = this.#turns.take((_, { worker }) => worker.workWaitMs() === 0)
    if (next === undefined) return this.#turns.waitMs((_, { worker }) => worker.workWaitMs())
    next.worker.working(next.action)
    return this.#turns.size > 0 ? 0 : Number.POSITIVE_INFINITY
  }
}
