import { Rounds } from '../rounds.ts'

/**
 * Time from one round of calls to the next: as long as a call takes, within limits. An idle log does not wait, and rounds become
 * rarer, and calls larger, as Redis and this process have more to do.
 */
const USUAL = { calls: 1, minMs: 1, maxMs: 20 } as const
/** The same for what is urgent and comes in numbers: somebody waits for each. */
const URGENT = { calls: 2, minMs: 1, maxMs: 10 } as const
/** Weight of the newest call in the moving average of call times. */
const CALL_TIME_WEIGHT = 0.2

/**
 * When the appends of a process leave. Those of all partitions leave together: the write to Redis, the read of its answers and the
 * writes to clients cost more than a call itself.
 */
export class AppendPace {
  #callMs: number = USUAL.minMs
  readonly #usual = new Rounds(() => this.#gapMs(USUAL))
  readonly #urgent = new Rounds(() => this.#gapMs(URGENT))

  /** For what waits for nothing but what else comes in this turn of the event loop. */
  readonly #turn = new Rounds(() => 0)

  /** A call was answered after this time. */
  called(ms: number): void {
    this.#callMs += CALL_TIME_WEIGHT * (ms - this.#callMs)
  }

  /** @param send is called once in the next round, unless it is taken back. */
  wait(send: () => void, isUrgent: boolean): void {
    const rounds = isUrgent ? this.#urgent : this.#usual
    rounds.wait(send)
  }

  /** @param send is called once at the end of the turn, unless it is taken back. */
  atTurnEnd(send: () => void): void {
    this.#turn.wait(send)
  }

  /** It has been sent otherwise. */
  takeBack(send: () => void): void {
    this.#usual.takeBack(send)
    this.#urgent.takeBack(send)
    this.#turn.takeBack(send)
  }

  /** Several that were urgent have left. */
  leftUrgent(): void {
    this.#urgent.postpone()
  }

  #gapMs({ calls, minMs, maxMs }: typeof USUAL | typeof URGENT): number {
    return Math.min(maxMs, Math.max(minMs, calls * this.#callMs))
  }
}
