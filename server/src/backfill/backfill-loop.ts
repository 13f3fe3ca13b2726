import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { compareStreamIds } from '@tidegate/protocol'
import { BusFull, BusUnavailable, type LogEntry } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import { extentMs } from '../config/contract/append-lead.ts'
import {
  decodeBatch,
  encodeOffsets,
  type InputBatch,
  lastStart,
  msOf,
  type OnUnreadable,
  PartitionFold,
  type ResultFilter,
  type StoredState,
} from '../fold/index.ts'
import {
  Abandoned,
  beforeRetry,
  type ChainStart,
  CommitChain,
  type Hold,
  type LoopEnd,
  type Turn,
} from '../lease/index.ts'
import { SessionWindow } from '../operators/index.ts'
import type { BackfillStore } from './backfill-store.ts'
import { LogTime } from './log-time.ts'
import type { BackfillRun } from './plan.ts'
import { type FilledRange, isFilled } from './range.ts'
import type { RunTotals } from './run-progress.ts'
import type { BackfillTarget } from './target.ts'

/** Nobody waits for single results of the past. */
const COMMIT_EVERY_MS = 500
/** At the end of the log, it is polled this often for late events of the last windows. */
const LOOK_EVERY_MS = 250
/** Wait before a full Redis is tried again: its owners free memory about once a second. */
const FULL_RETRY_MS = 1_000
/** Longest time for which it keeps the live partitions of its process from folding. */
const SLICE_MS = 5

/** `done`: its panes are stored. `trimmed`: entries it still had to read are gone. */
export type BackfillEnd = LoopEnd | 'trimmed'

export interface BackfillParts {
  readonly target: BackfillTarget
  readonly run: BackfillRun
  /** The ranges that earlier backfills filled. */
  readonly filled: readonly FilledRange[]
  readonly store: BackfillStore
  readonly partitions: number
  readonly clock: Clock
  /** One for all backfills of the process: live partitions alternate with one of them at a time. */
  readonly folding: Turn
  readonly token: string
  readonly hold: Hold
  readonly onUnreadable: OnUnreadable
  readonly onProgress: (offsets: ReadonlyMap<string, string>, totals: RunTotals) => void
}

/** The base of a backfill. */
export interface BackfillState extends StoredState, ChainStart {
  readonly totals: RunTotals
}

/** Reads, folds and commits the past of one window in one partition, starting from one loaded state. */
export class BackfillLoop {
  readonly #parts: BackfillParts
  readonly #fold: PartitionFold
  readonly #commits: CommitChain
  readonly #time: LogTime
  #totals: RunTotals
  /** By the monotonic clock. */
  #committedAt: number
  /** Panes emitted since the last commit. */
  #panes = 0
  #batch: InputBatch | undefined
  #isAtEnd = false
  #hasEndedInput = false

  constructor(parts: BackfillParts, state: BackfillState) {
    this.#parts = parts
    this.#commits = new CommitChain(parts.hold, parts.token, state)
    this.#totals = state.totals
    this.#committedAt = performance.now()
    const { target, store, partitions } = parts
    const hasBegun = Object.keys(state.progress.maxTimes).length > 0
    this.#time = new LogTime(hasBegun ? Math.max(...[...state.offsets.values()].map(msOf)) : undefined)
    this.#fold = new PartitionFold(target.pipeline, store.partition, partitions, state, { filter: this.#filter() })
  }

  /** Windows that end by then are out once everything due is committed. */
  get watermark(): number {
    return this.#fold.operatorOf(this.#parts.target.window.name).watermark
  }

  /** @throws Abandoned, BusMismatch */
  async run(): Promise<BackfillEnd> {
    for (;;) {
      const end = (await this.#commitDue()) ?? (await this.#step())
      if (end !== undefined) return end
    }
  }

  async #step(): Promise<BackfillEnd | undefined> {
    if (this.#parts.hold.stopping.aborted) return (await this.#commitIfDirty()) ?? 'stopped'
    if (this.#isDone()) return (await this.#commitIfDirty()) ?? 'done'
    try {
      return await this.#readOn()
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      await beforeRetry()
      return undefined
    }
  }

  async #readOn(): Promise<BackfillEnd | undefined> {
    const { store, clock } = this.#parts
    const lookedAt = clock.now()
    // Before the log: everything the owner had committed by then is in the entries read now.
    const live = this.#isAtEnd ? await store.live() : undefined
    const page = await store.readOn(this.#fold.cursors())
    if (page.hasGap) return (await this.#commitIfDirty()) ?? 'trimmed'
    this.#isAtEnd = page.isEnd
    if (page.entries.length > 0) return this.#foldAll(page.entries)
    this.#endInputWhenAsked()
    this.#time.advanceTo(this.#fold, lookedAt)
    if (live !== undefined) this.#followLive(live)
    const end = await this.#commitIfDirty()
    if (end !== undefined || this.#isDone()) return end
    await this.#parts.hold.pause(LOOK_EVERY_MS)
    return undefined
  }

  #endInputWhenAsked(): void {
    if (this.#hasEndedInput || this.#parts.run.request.end !== true) return
    this.#hasEndedInput = true
    this.#fold.endInput()
  }

  /** At the end of the log, it need not wait for events that the live window no longer expects. */
  #followLive({ offsets, progress }: Awaited<ReturnType<BackfillStore['live']>>): void {
    const { window, pipeline, version } = this.#parts.target
    // Panes in between would come behind a watermark that is ahead of them.
    if (pipeline.windows.length > 1 || progress.versions[window.name] !== version) return
    const hasReadAll = [...this.#fold.cursors()].every(
      ([topic, at]) => compareStreamIds(offsets.get(topic) ?? at, at) <= 0,
    )
    const watermark = progress.watermarks[window.name]
    if (hasReadAll && watermark !== undefined) this.#fold.operatorOf(window.name).advance(watermark)
  }

  async #foldAll(entries: readonly LogEntry[]): Promise<BackfillEnd | undefined> {
    const waiting = [...entries]
    while (waiting.length > 0) {
      const isFull = await this.#parts.folding.run(async () => {
        await yieldToLoop()
        return this.#foldSlice(waiting)
      })
      const end = isFull || this.#isCommitDue() ? await this.#commit() : undefined
      if (end !== undefined) return end
    }
    return undefined
  }

  /** Folds for a moment. Returns whether a commit must come before the next entry. */
  #foldSlice(waiting: LogEntry[]): boolean {
    const startedAt = performance.now()
    for (let entry = waiting[0]; entry !== undefined; entry = waiting[0]) {
      this.#time.advanceTo(this.#fold, msOf(entry.streamId))
      const { onUnreadable, target } = this.#parts
      const batch = decodeBatch(entry, onUnreadable, target.pipeline.readerOf(entry.topic))
      if (!this.#fold.hasRoomFor(batch)) return true
      this.#batch = batch
      this.#fold.fold(batch)
      this.#time.saw(batch.topic)
      waiting.shift()
      if (performance.now() - startedAt >= SLICE_MS) break
    }
    return false
  }

  /** Nothing that starts before the end of the range can change any more. */
  #isDone(): boolean {
    const { target, run } = this.#parts
    const { name, spec } = target.window
    if (this.#isAtEnd && this.#fold.hasEnded(name)) return true
    const operator = this.#fold.operatorOf(name)
    if (operator.watermark < run.to - 1 + extentMs(spec) + spec.allowedLatenessMs || operator.dueCount > 0) return false
    return !(operator instanceof SessionWindow && operator.hasStartBefore(run.to))
  }

  /** Panes of the range, and late or full events from before the live window: the live window reports the others. */
  #filter(): ResultFilter {
    const { target, run, filled } = this.#parts
    const { name } = target.window
    const isOurs = (start: number, end: number) => run.from <= start && start < run.to && !isFilled(filled, start, end)
    return {
      hasPane: (window, start, end) => {
        if (window !== name) return true
        if (!isOurs(start, end)) return false
        this.#panes++
        return true
      },
      hasMiss: (window, { time }) => {
        if (window.name !== name) return false
        const start = lastStart(time, window.spec)
        return this.#isBeforeLive() && isOurs(start, start + extentMs(window.spec))
      },
    }
  }

  /** Whether the folded entry came before the live window. */
  #isBeforeLive(): boolean {
    if (this.#batch === undefined) return true
    const { topic, streamId } = this.#batch
    return compareStreamIds(streamId, this.#parts.run.before[topic]!) <= 0
  }

  #isCommitDue(): boolean {
    return this.#fold.isDirty && performance.now() - this.#committedAt >= COMMIT_EVERY_MS
  }

  /** Due panes are committed before anything else is folded. */
  async #commitDue(): Promise<BackfillEnd | undefined> {
    while (this.#fold.hasDue) {
      const end = await this.#commit()
      if (end !== undefined) return end
    }
    return undefined
  }

  async #commitIfDirty(): Promise<BackfillEnd | undefined> {
    while (this.#fold.isDirty) {
      const end = await this.#commit()
      if (end !== undefined) return end
    }
    return undefined
  }

  async #commit(): Promise<BackfillEnd | undefined> {
    const { store, target, onProgress } = this.#parts
    const operations = this.#fold.takeOperations()
    const { events } = this.#fold.takeCounters()
    const totals = { events: this.#totals.events + events, panes: this.#totals.panes + this.#panes }
    const request = this.#commits.next({
      offsets: encodeOffsets(this.#fold.offsets),
      clocks: JSON.stringify({ ...this.#fold.progress(), totals }),
      operations,
    })
    const reply = await this.#commits.send(request, (again) =>
      this.#whenThereIsRoom(() => store.commit(again, target.outputs)),
    )
    if (reply.status !== 'ok') return reply.status
    this.#totals = totals
    this.#panes = 0
    this.#committedAt = performance.now()
    onProgress(this.#fold.offsets, totals)
    return undefined
  }

  /** While Redis is over its `maxmemory` the backfill waits; commands that free memory do not. */
  async #whenThereIsRoom<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (!(error instanceof BusFull)) throw error
        if (this.#parts.hold.stopping.aborted) throw new Abandoned()
        await this.#parts.hold.pause(FULL_RETRY_MS)
      }
    }
  }
}
