import { randomUUID } from 'node:crypto'
import { setTimeout as pause, setImmediate as yieldToLoop } from 'node:timers/promises'
import {
  BusUnavailable,
  type CommitReply,
  type CommitRequest,
  decodeHeader,
  HEARTBEAT_EVERY_MS,
  type LogEntry,
  type Ownership,
} from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import type { EntrySource } from './entry-source.ts'
import { PartitionFold } from './partition-fold.ts'
import type { PartitionStore } from './partition-store.ts'
import type { Pipeline } from './pipeline.ts'
import { encodeOffsets, type Offsets } from './progress.ts'
import type { Trimmer } from './trimmer.ts'
import type { WorkerStats } from './worker-stats.ts'

/** State without output is committed this often: the log still has the events, so nothing waits for it. */
const STATE_COMMIT_MS = 100
/** Outputs are committed this often: subscribers wait for them. */
const OUTPUT_COMMIT_MS = 20
/** Longest wait for input while windows are open: they may have to be closed by the clock, and partials be read. */
const OPEN_BLOCK_MS = 50
const IDLE_BLOCK_MS = 1_000
/** The fold lets heartbeats and other partitions in this often. */
const YIELD_EVERY_MS = 20
const RETRY_MS = 100
/** How long gateways get to settle a changed lineage before the owner does. */
const SETTLE_AFTER_MS = 3_000
/** Takes without a commit from which on batches are committed one by one, and from which on the first is given up. */
const CAREFUL_TAKES = 3
const GIVE_UP_TAKES = 6

export type OwnerOutcome = 'released' | 'fenced' | 'held'

export interface OwnerContext {
  readonly pipeline: Pipeline
  readonly partitions: number
  readonly clock: Clock
  readonly stats: WorkerStats
  readonly log: (message: string) => void
}

/**
 * Owns one partition from take to release: reads, folds, commits. What is held in memory is dropped and loaded again after
 * any commit that was not accepted; an owner that lost its token ends without taking again.
 */
export class PartitionOwner {
  readonly #context: OwnerContext
  readonly #store: PartitionStore
  readonly #source: EntrySource
  readonly #trimmer: Trimmer
  #ownership: Ownership | undefined
  #fold!: PartitionFold
  #commitSeq = 0
  #offsetsText = ''
  #pending: LogEntry[] = []
  #committedAt = 0
  #unsettledSince: number | undefined
  #fenced = false
  #stopping = false
  #careful = false

  constructor(context: OwnerContext, store: PartitionStore, source: EntrySource, trimmer: Trimmer) {
    this.#context = context
    this.#store = store
    this.#source = source
    this.#trimmer = trimmer
  }

  /** Ends `run` after a last commit. */
  stop(): void {
    this.#stopping = true
  }

  /** Resolves when the partition is no longer this owner's. */
  async run(): Promise<OwnerOutcome> {
    const token = await this.#take()
    if (token === undefined) return 'held'
    const beat = setInterval(() => void this.#heartbeat(token), HEARTBEAT_EVERY_MS)
    try {
      await this.#retrying(() => this.#load())
      while (!this.#stopping && !this.#fenced) await this.#step(token)
      if (this.#fenced) return 'fenced'
      if (this.#fold.isDirty(this.#now())) await this.#commit(token)
      await this.#store.release(token)
      return 'released'
    } catch (error) {
      if (error instanceof Fenced) return 'fenced'
      throw error
    } finally {
      clearInterval(beat)
      this.#source.close()
    }
  }

  async #step(token: string): Promise<void> {
    const now = this.#now()
    if (this.#pending.length === 0 && !this.#fold.hasDue) await this.#read(this.#waitMs(now))
    await this.#foldPending()
    this.#fold.advance(this.#now())
    if (this.#isCommitDue()) await this.#commit(token)
    await this.#trimmer.trimWhenDue(token, this.#fold.offsets)
  }

  async #take(): Promise<string | undefined> {
    const startedAt = this.#now()
    while (!this.#stopping) {
      const reply = await this.#retrying(() => this.#store.take())
      switch (reply.status) {
        case 'ok':
          this.#ownership = reply.ownership
          this.#unsettledSince = undefined
          this.#careful = reply.ownership.takes >= CAREFUL_TAKES
          return reply.ownership.token
        case 'held':
          if (this.#now() - startedAt > 2 * reply.staleInMs) return undefined
          await pause(reply.staleInMs + 1)
          break
        case 'lineage':
          await this.#awaitSettled(new Map())
      }
    }
    return undefined
  }

  async #load(): Promise<void> {
    const { pipeline, partitions } = this.#context
    const { partition } = this.#store
    const state = await this.#store.load(PartitionFold.storeKeys(pipeline, partition))
    this.#fold = new PartitionFold(pipeline, partition, partitions, state.offsets, state.progress, state.stored)
    this.#commitSeq = state.commitSeq
    this.#offsetsText = state.offsetsText
    this.#pending = []
  }

  async #heartbeat(token: string): Promise<void> {
    try {
      if (!(await this.#store.heartbeat(token))) this.#fenced = true
    } catch {
      // Redis is away: the next heartbeat or commit tells whether the partition is still ours.
    }
  }

  async #read(blockMs: number): Promise<void> {
    try {
      for (const window of this.#fold.merges) {
        const reports = await this.#source.readReports(window, this.#fold.offsets)
        for (const { source, entry } of reports) this.#fold.applyReport(window, source, entry)
      }
      this.#pending = await this.#source.read(this.#fold.cursors(), blockMs)
      if (this.#pending.length === 0) this.#fold.polledEmpty(this.#now())
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      await pause(RETRY_MS)
    }
  }

  async #foldPending(): Promise<void> {
    let yieldedAt = performance.now()
    let folded = 0
    for (const entry of this.#pending) {
      if (!this.#fold.hasRoomFor(decodeHeader(entry.header).count) || (this.#careful && folded > 0)) break
      if (this.#ownership!.takes >= GIVE_UP_TAKES) this.#giveUp(entry)
      else this.#fold.fold(entry)
      folded++
      if (performance.now() - yieldedAt >= YIELD_EVERY_MS) {
        await yieldToLoop()
        yieldedAt = performance.now()
      }
    }
    this.#pending.splice(0, folded)
  }

  /** A batch that ended its workers again and again: passed over, once. */
  #giveUp(entry: LogEntry): void {
    this.#context.log(
      `partition ${this.#store.partition}: batch ${entry.streamId} of ${entry.topic} goes to dead letters`,
    )
    this.#fold.skip(entry, 'the worker ended repeatedly while folding this batch')
    this.#ownership = { ...this.#ownership!, takes: 0 }
  }

  #isCommitDue(): boolean {
    const now = this.#now()
    if (!this.#fold.isDirty(now)) return false
    if (this.#fold.hasDue || this.#pending.length > 0) return true
    return now - this.#committedAt >= (this.#fold.hasOutputs ? OUTPUT_COMMIT_MS : STATE_COMMIT_MS)
  }

  /** How long the next read may wait. */
  #waitMs(now: number): number {
    if (this.#fold.isDirty(now)) {
      const interval = this.#fold.hasOutputs ? OUTPUT_COMMIT_MS : STATE_COMMIT_MS
      return Math.min(OPEN_BLOCK_MS, Math.max(0, this.#committedAt + interval - now))
    }
    return this.#fold.hasOpenWindows || this.#fold.merges.length > 0 ? OPEN_BLOCK_MS : IDLE_BLOCK_MS
  }

  async #commit(token: string): Promise<void> {
    const operations = this.#fold.takeOperations(this.#now())
    const request: CommitRequest = {
      token,
      commitSeq: this.#commitSeq,
      commitId: randomUUID(),
      offsetsBefore: this.#offsetsText,
      offsets: encodeOffsets(this.#fold.offsets),
      clocks: JSON.stringify(this.#fold.progress()),
      operations,
    }
    const startedAt = performance.now()
    // An unknown outcome is settled by the commit id: the same request, until Redis answers.
    const reply = await this.#retrying(() => this.#store.commit(request))
    this.#context.stats.committed(reply.status, performance.now() - startedAt, this.#fold.counters)
    if (reply.status === 'ok') {
      this.#commitSeq++
      this.#offsetsText = request.offsets
      this.#committedAt = this.#now()
      this.#careful = false
      this.#unsettledSince = undefined
      return
    }
    await this.#recover(reply)
  }

  async #recover(reply: Exclude<CommitReply, { status: 'ok' }>): Promise<void> {
    if (reply.status === 'fenced') throw new Fenced()
    this.#context.log(`partition ${this.#store.partition}: commit answered ${reply.status}; loading what is stored`)
    if (reply.status === 'lineage') await this.#awaitSettled(this.#fold.offsets)
    await this.#retrying(() => this.#load())
  }

  /** Waits until the changed lineage is settled; after a while settles it. */
  async #awaitSettled(offsets: Offsets): Promise<void> {
    this.#unsettledSince ??= this.#now()
    await pause(RETRY_MS)
    if (this.#now() - this.#unsettledSince >= SETTLE_AFTER_MS) await this.#retrying(() => this.#store.settle(offsets))
  }

  async #retrying<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#fenced) throw new Fenced()
      try {
        return await call()
      } catch (error) {
        if (!(error instanceof BusUnavailable)) throw error
        if (this.#stopping) throw error
        await pause(RETRY_MS)
      }
    }
  }

  #now(): number {
    return this.#context.clock.now()
  }
}

class Fenced extends Error {}
