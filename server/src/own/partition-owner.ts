import { setTimeout as pause } from 'node:timers/promises'
import { HEARTBEAT_EVERY_MS, type Ownership } from '../bus/index.ts'
import { beginAnew, PartitionWindows } from '../fold/index.ts'
import { Abandoned, RETRY_MS, untilAnswered } from '../lease/index.ts'
import { CurrentExpiry } from './current-expiry.ts'
import type { EntrySource } from './entry-source.ts'
import { Evidence } from './evidence.ts'
import { type OwnerContext, PartitionLoop } from './partition-loop.ts'
import type { LoadedState, PartitionStore } from './partition-store.ts'
import { StateMeter } from './state-meter.ts'
import type { Trimmer } from './trimmer.ts'

/**
 * How long gateways get to settle a changed lineage before the owner does: they know the acknowledged entries, and are
 * back within twice their longest reconnect delay.
 */
const SETTLE_AFTER_MS = 1_500

export type OwnerOutcome =
  | 'released'
  /** Another worker owns the partition. */
  | 'fenced'
  /** Another worker owned it all along. */
  | 'held'
  /** Redis did not answer until the owner was given up. */
  | 'abandoned'

/**
 * Owns one partition from take to release. What its loop holds in memory is dropped and loaded again after any commit
 * that was not accepted; an owner that lost its token ends without taking again.
 */
export class PartitionOwner {
  readonly #context: OwnerContext
  readonly #store: PartitionStore
  readonly #source: EntrySource
  readonly #trimmer: Trimmer
  readonly #evidence = new Evidence()
  #loop: PartitionLoop | undefined
  #fenced = false
  #stopping = false
  #abandoned = false
  readonly #isOver = () => this.#fenced || this.#abandoned

  constructor(context: OwnerContext, store: PartitionStore, source: EntrySource, trimmer: Trimmer) {
    this.#context = context
    this.#store = store
    this.#source = source
    this.#trimmer = trimmer
  }

  /** Ends `run` after a last commit and the release. */
  stop(): void {
    this.#stopping = true
    this.#loop?.stop()
  }

  /** Ends `run` as soon as Redis fails to answer a call. */
  abandon(): void {
    this.stop()
    this.#abandoned = true
  }

  /** Resolves when the partition is no longer this owner's. Called once. @throws BusMismatch */
  async run(): Promise<OwnerOutcome> {
    try {
      const ownership = await this.#take()
      return ownership === undefined ? 'held' : await this.#own(ownership)
    } catch (error) {
      if (!(error instanceof Abandoned)) throw error
      return this.#fenced ? 'fenced' : 'abandoned'
    } finally {
      this.#source.close()
    }
  }

  async #own(ownership: Ownership): Promise<OwnerOutcome> {
    const beat = setInterval(() => void this.#heartbeat(ownership.token), HEARTBEAT_EVERY_MS)
    try {
      for (;;) {
        const end = await this.#loopOnce(ownership)
        if (end === 'fenced') return 'fenced'
        if (end === 'stopped') break
        this.#context.log(`partition ${this.#store.partition}: a commit was answered ${end}; loading what is stored`)
        if (end === 'lineage') await this.#untilSettled()
      }
    } finally {
      // Before the release: a heartbeat after it would take it back.
      clearInterval(beat)
    }
    const released = await untilAnswered(() => this.#store.ledger.release(ownership.token), this.#isOver)
    return released ? 'released' : 'fenced'
  }

  async #loopOnce(ownership: Ownership) {
    // Before the state: what is folded into it is to be read after it.
    this.#source.forget()
    const hashes = PartitionWindows.hashes(this.#context.pipeline)
    const state = await this.#load(hashes)
    const isOver = this.#isOver
    const parts = { store: this.#store, source: this.#source, trimmer: this.#trimmer, evidence: this.#evidence }
    const expiry = new CurrentExpiry(this.#store, this.#context.pipeline, this.#context.partitions)
    const meter = new StateMeter(this.#store, hashes)
    this.#loop = new PartitionLoop(this.#context, { ...parts, expiry, meter, ownership, isOver }, state)
    if (this.#stopping) this.#loop.stop()
    return this.#loop.run()
  }

  /** What is stored, as of where there is something to go on with. */
  async #load(hashes: readonly string[]): Promise<LoadedState> {
    const { pipeline, stats, log } = this.#context
    const state = await untilAnswered(() => this.#store.load(hashes), this.#isOver)
    const inputs = pipeline.inputs.map(({ name }) => name)
    const lost = await untilAnswered(() => this.#store.lostInputs(inputs, state.offsets), this.#isOver)
    for (const { topic, trimmedTo } of lost) {
      stats.lostInput()
      const what = `partition ${this.#store.partition}: retention removed entries of ${topic} up to ${trimmedTo} that were not folded`
      log(`${what}: windows over it begin anew behind them, flows have missed them`)
    }
    return beginAnew(pipeline, state, lost)
  }

  async #take(): Promise<Ownership | undefined> {
    let waitedMs = 0
    while (!this.#stopping) {
      const reply = await untilAnswered(() => this.#store.ledger.take(), this.#isOver)
      switch (reply.status) {
        case 'ok':
          return reply.ownership
        case 'held':
          // Its heartbeat was renewed while we waited for it to grow stale.
          if (waitedMs > 0) return undefined
          waitedMs = reply.staleInMs
          await pause(reply.staleInMs + 1)
          break
        case 'lineage':
          await this.#untilSettled()
      }
    }
    return undefined
  }

  async #heartbeat(token: string): Promise<void> {
    try {
      if (!(await this.#store.ledger.beat(token))) this.#lose()
    } catch {
      // Redis is away: the next heartbeat or commit tells whether the partition is still ours.
    }
  }

  #lose(): void {
    this.#fenced = true
    this.#loop?.stop()
  }

  /** Waits until a gateway has settled the changed lineage, for a while, and proves it by what is known here. */
  async #untilSettled(): Promise<void> {
    const startedAt = performance.now()
    for (;;) {
      await pause(RETRY_MS)
      const lineage = await untilAnswered(() => this.#store.log.lineage(), this.#isOver)
      const isAdopted = lineage.stored === lineage.current
      if (!isAdopted && performance.now() - startedAt < SETTLE_AFTER_MS) continue
      // Also what another process has adopted: it may not know an entry that is missing and that was read here.
      const epoch = await untilAnswered(() => this.#store.log.settle(lineage, this.#evidence.entries()), this.#isOver)
      if (epoch !== undefined) return
    }
  }
}
