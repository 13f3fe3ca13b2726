import { setTimeout as pause } from 'node:timers/promises'
import { HEARTBEAT_EVERY_MS, type Ownership, WORKER_ALIVE_MS } from '../bus/index.ts'
import type { Hold, Leased } from './leased.ts'
import { Abandoned, beforeRetry, untilAnswered } from './until-answered.ts'

/**
 * How long gateways get to settle a changed lineage before a holder with evidence does: they know the acknowledged
 * entries, and return within twice their longest reconnect delay.
 */
const SETTLE_AFTER_MS = 1_500

export type HoldOutcome =
  /** Released: another holder may take it at once. */
  | 'released'
  /** Nothing is left to hold. */
  | 'done'
  /** Another holder took it. */
  | 'fenced'
  /** Another holder had it all along. */
  | 'held'
  /** It is for workers of a later contract. */
  | 'newer'
  /** Redis did not answer before the holder was abandoned. */
  | 'abandoned'

/**
 * Holds one ledger from take to release: renews the heartbeat and runs the work in a loop, each time from the stored
 * state, after any commit that was refused. A holder that lost its token ends without taking again.
 */
export class Holder {
  readonly #leased: Leased
  readonly #log: (message: string) => void
  readonly #stopping = new AbortController()
  /** From when on it may be given up for balance, by the monotonic clock; never while it is not held. */
  #givenUpFrom = Number.POSITIVE_INFINITY
  #isFenced = false
  #isAbandoned = false
  readonly #hold: Hold = {
    stopping: this.#stopping.signal,
    answered: (call) => untilAnswered(call, () => this.#isFenced || this.#isAbandoned),
    pause: (ms) => pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => {}),
  }

  constructor(leased: Leased, log: (message: string) => void) {
    this.#leased = leased
    this.#log = log
  }

  /**
   * Whether somebody else may be there to take it. The worker that it was taken from may still count among those who share,
   * and the share of this one is too small then.
   */
  get mayBeGivenUp(): boolean {
    return performance.now() >= this.#givenUpFrom
  }

  /** Ends `run` after a last commit and the release. */
  stop(): void {
    this.#stopping.abort()
  }

  /** Ends `run` as soon as Redis fails to answer a call. */
  abandon(): void {
    this.#isAbandoned = true
    this.stop()
  }

  /** Resolves when the ledger is no longer this holder's. Called once. @throws BusMismatch */
  async run(): Promise<HoldOutcome> {
    try {
      if (!(await this.#leased.isOpen(this.#hold))) return 'done'
      const taken = await this.#take()
      return typeof taken === 'string' ? taken : await this.#keep(taken)
    } catch (error) {
      if (!(error instanceof Abandoned)) throw error
      return this.#isFenced ? 'fenced' : 'abandoned'
    } finally {
      this.#leased.close()
    }
  }

  async #take(): Promise<Ownership | 'held' | 'newer' | 'released'> {
    for (let hasWaited = false; !this.#hold.stopping.aborted; ) {
      const reply = await this.#hold.answered(() => this.#leased.ledger.take())
      switch (reply.status) {
        case 'ok':
          this.#givenUpFrom = performance.now() + (reply.ownership.isLeft ? WORKER_ALIVE_MS : 0)
          return reply.ownership
        case 'held':
          // Its heartbeat was renewed while this holder waited for it to grow stale.
          if (hasWaited) return 'held'
          hasWaited = true
          await this.#hold.pause(reply.staleInMs + 1)
          break
        case 'newer':
          return 'newer'
        case 'lineage':
          await this.#untilSettled()
      }
    }
    return 'released'
  }

  async #keep(ownership: Ownership): Promise<HoldOutcome> {
    const beat = setInterval(() => void this.#beat(ownership.token), HEARTBEAT_EVERY_MS)
    try {
      for (;;) {
        const end = await this.#leased.loop(ownership, this.#hold)
        if (end === 'fenced' || end === 'done') return end
        if (end === 'stopped') break
        this.#log(`a commit was answered ${end}; loading what is stored`)
        if (end === 'lineage') await this.#untilSettled()
      }
    } finally {
      // Before the release: a later heartbeat would take it back.
      clearInterval(beat)
    }
    const isReleased = await this.#hold.answered(() => this.#leased.ledger.release(ownership.token))
    return isReleased ? 'released' : 'fenced'
  }

  async #beat(token: string): Promise<void> {
    try {
      if (await this.#leased.ledger.beat(token)) return
      this.#isFenced = true
      this.stop()
    } catch {
      // Redis is away: the next heartbeat or commit shows whether the ledger is still ours.
    }
  }

  /** Waits until a changed lineage is settled: by a gateway, or after a while with the evidence held here. */
  async #untilSettled(): Promise<void> {
    const leased = this.#leased
    const startedAt = performance.now()
    for (;;) {
      await beforeRetry()
      const lineage = await this.#hold.answered(() => leased.log.lineage())
      const isAdopted = lineage.stored === lineage.current
      if (leased.evidence === undefined) {
        if (isAdopted || this.#hold.stopping.aborted) return
        continue
      }
      if (!isAdopted && performance.now() - startedAt < SETTLE_AFTER_MS) continue
      const known = leased.evidence()
      // Even after another process adopted it: that process may not know an entry that was read here and is missing.
      const epoch = await this.#hold.answered(() => leased.log.settle(lineage, known))
      if (epoch !== undefined) return
    }
  }
}
