import {
  type CommitOperation,
  type EventBody,
  LOG_START,
  type LogEntry,
  partialsTopic,
  partitionOf,
} from '../bus/index.ts'
import { SourceClock } from '../operators/index.ts'
import { FlowRunner } from './flow-runner.ts'
import { type FoldCounters, noCounts } from './fold-counters.ts'
import type { InputBatch } from './input-batch.ts'
import { MergeStage } from './merge-stage.ts'
import { OutputBuffer } from './output-buffer.ts'
import type { Pipeline } from './pipeline.ts'
import { begunTimes, foreignLog, type Offsets, type StoredProgress } from './progress.ts'
import { ReportStage } from './report-stage.ts'
import { type HashFields, StoredWindow } from './stored-window.ts'
import { WindowStage } from './window-stage.ts'

/** Writes of one commit: 5 to 7 ms of Redis (docs/adr/0001). A single record batch may exceed it: an offset names whole batches. */
export const MAX_WRITES = 4_000
/** Characters of events of one commit; with the states of 1,000 keys this stays below 256 KiB. */
const MAX_OUTPUT_SIZE = 192 * 1_024
/** Source events of one commit. */
const MAX_EVENTS = 10_000
/** A pane is an event, a latest result and a state. */
const WRITES_PER_PANE = 3

/** The committed state of a partition. */
export interface StoredState {
  readonly offsets: Offsets
  readonly progress: StoredProgress
  /** Fields of each hash that `PartitionFold.storeKeys` names. */
  readonly stored: ReadonlyMap<string, HashFields>
}

/** What is computed from one topic that clients publish to. */
interface Input {
  readonly clock: SourceClock
  readonly stages: (WindowStage | ReportStage)[]
}

/**
 * Everything a partition computes, in memory: batches go in, operations of a commit come out. What it holds runs ahead
 * of what is stored by at most one commit; whoever drives it drops it and loads another one after any commit that
 * was not accepted.
 */
export class PartitionFold {
  readonly counters: FoldCounters = noCounts()
  readonly offsets: Offsets
  readonly #inputs = new Map<string, Input>()
  readonly #keyed: WindowStage[] = []
  readonly #reports: ReportStage[] = []
  readonly #merges: MergeStage[] = []
  readonly #outputs = new OutputBuffer()
  readonly #flows: FlowRunner
  #events = 0
  #moved = false

  constructor(pipeline: Pipeline, partition: number, partitions: number, state: StoredState) {
    const { offsets, progress, stored } = state
    this.offsets = offsets
    this.#flows = new FlowRunner(pipeline, this.#outputs, this.counters)
    for (const { name } of pipeline.inputs) {
      this.#inputs.set(name, { clock: new SourceClock(progress.maxTimes[name]), stages: [] })
    }
    for (const topic of pipeline.windows) {
      const fields = stored.get(StoredWindow.keyOf(topic, partition)) ?? []
      const window = new StoredWindow(topic, partition, progress.watermarks[topic.name], fields)
      const { stages } = this.#inputs.get(topic.from)!
      if (topic.spec.groupBy === 'key') {
        const stage = new WindowStage(window)
        stages.push(stage)
        this.#keyed.push(stage)
        continue
      }
      const stage = new ReportStage(window)
      stages.push(stage)
      this.#reports.push(stage)
      if (mergerOf(topic.name, partitions) !== partition) continue
      const merged = progress.merges[topic.name]
      const clock = merged && { ...merged, watermark: merged.watermark ?? Number.NEGATIVE_INFINITY }
      const parts = stored.get(MergeStage.keyOf(topic, partition)) ?? []
      this.#merges.push(new MergeStage(topic, partition, partitions, clock, parts))
    }
  }

  /** Keys of the hashes that hold the state of a partition's windows. */
  static storeKeys(pipeline: Pipeline, partition: number): string[] {
    return pipeline.windows.flatMap((topic) => [
      StoredWindow.keyOf(topic, partition),
      MergeStage.keyOf(topic, partition),
    ])
  }

  /** Windows this partition merges. */
  get merges(): readonly string[] {
    return this.#merges.map((merge) => merge.topic.name)
  }

  /** Where to read on in the partition's own logs. */
  cursors(): Map<string, string> {
    return new Map([...this.#inputs.keys()].map((topic) => [topic, this.offsets.get(topic) ?? LOG_START]))
  }

  /** Whether one more batch may be folded before the next commit. */
  hasRoomFor({ topic, events }: InputBatch): boolean {
    const writes = this.#writes() + this.#dueCount() * (WRITES_PER_PANE - 1)
    if (this.#events === 0 && writes === 0) return true
    const added = events.length * this.#inputs.get(topic)!.stages.length
    return (
      this.#events + events.length <= MAX_EVENTS &&
      writes + added <= MAX_WRITES &&
      this.#outputs.size <= MAX_OUTPUT_SIZE
    )
  }

  /** Whether panes wait to be emitted. */
  get hasDue(): boolean {
    return this.#dueCount() > 0
  }

  /** Whether subscribers wait for the next commit. */
  get hasOutputs(): boolean {
    return this.#outputs.writes > 0 || this.hasDue
  }

  /** Whether a commit would write anything. */
  get isDirty(): boolean {
    return (
      this.#moved ||
      this.hasOutputs ||
      this.#windows().some(({ operator }) => operator.dirtyCount > 0 || operator.hasForgettable) ||
      this.#merges.some(({ operator }) => operator.dirtyCount > 0 || operator.hasForgettable) ||
      this.#reports.some((stage) => stage.needsReport(this.#isIdle(stage)))
    )
  }

  /** Whether time alone may close something. */
  get hasOpenWindows(): boolean {
    return this.#windows().some(({ operator }) => operator.hasOpen)
  }

  /** Window states held in memory. */
  get openStates(): number {
    const operators = [...this.#windows(), ...this.#merges].map(({ operator }) => operator)
    return operators.reduce((sum, operator) => sum + operator.openCount, 0)
  }

  /** Folds a batch of one of the partition's inputs. */
  fold(batch: InputBatch): void {
    for (const event of batch.events) this.foldEvent(batch.topic, event)
    this.finish(batch)
  }

  /** Folds one event of a batch. The batch counts as folded with `finish`. */
  foldEvent(topic: string, event: EventBody): void {
    const { clock, stages } = this.#inputs.get(topic)!
    this.#flows.run(topic, event)
    for (const stage of stages) {
      if (stage.add(event) === 'added') continue
      this.counters.late++
      this.#flows.forward(stage.window.topic.lateTopic, event)
    }
    clock.observe(event.time)
  }

  /** Passes over one event of a batch that ends its workers. */
  bury(topic: string, event: EventBody, cause: string): void {
    this.#flows.bury(topic, event, cause)
  }

  /** Counts a batch as folded and moves the watermarks of its windows: batch by batch, however many are folded before a commit. */
  finish({ topic, streamId, events }: InputBatch): void {
    this.counters.events += events.length
    this.#events += events.length
    this.offsets.set(topic, streamId)
    this.#moved = true
    this.#advance(this.#inputs.get(topic)!)
  }

  /** Takes a report of a source partition for a window merged here. */
  applyReport(window: string, source: number, entry: LogEntry): void {
    const merge = this.#merges.find(({ topic }) => topic.name === window)!
    this.counters.late += merge.apply(source, entry)
    merge.operator.advance()
    this.offsets.set(foreignLog(source, partialsTopic(window)), entry.streamId)
    this.#moved = true
  }

  /** The partition's logs were read to their end at `now`, except those of `topics`. */
  polledEmpty(now: number, topics: ReadonlySet<string>): void {
    for (const [topic, input] of this.#inputs) {
      if (topics.has(topic)) continue
      input.clock.polledEmpty(now)
      this.#advance(input)
    }
  }

  /** There were no reports for a window merged here. */
  polledNoReports(now: number, window: string): void {
    const merge = this.#merges.find(({ topic }) => topic.name === window)!
    merge.operator.polledEmpty(now)
    merge.operator.advance()
  }

  /** Logs could not be read: nothing is known of what they hold. */
  interrupted(): void {
    for (const { clock } of this.#inputs.values()) clock.interrupted()
    for (const { operator } of this.#merges) operator.interrupted()
  }

  /** The operations of the next commit. What does not fit stays due. */
  takeOperations(): CommitOperation[] {
    for (const stage of this.#keyed) this.#emitPanes(stage.window, stage)
    for (const merge of this.#merges) this.#emitPanes(merge, merge)
    this.#events = 0
    this.#moved = false
    const reports = this.#reports.flatMap((stage) => stage.takeReport(this.#isIdle(stage)))
    return [...this.#takeStateWrites(), ...this.#outputs.take(), ...reports]
  }

  progress(): StoredProgress {
    return {
      maxTimes: begunTimes([...this.#inputs].map(([topic, { clock }]) => [topic, clock.maxTime])),
      watermarks: begunTimes(this.#windows().map(({ topic, operator }) => [topic.name, operator.watermark])),
      merges: Object.fromEntries(
        this.#merges.map(({ topic, operator: { watermark, sources } }) => [
          topic.name,
          { watermark: Number.isFinite(watermark) ? watermark : null, sources: [...sources] },
        ]),
      ),
    }
  }

  #advance({ clock, stages }: Input): void {
    for (const { window } of stages) {
      window.operator.advance(clock.watermark(window.topic.spec.outOfOrdernessMs))
    }
  }

  /** What changed, and as much of what nothing can change any more as there is room to delete. */
  #takeStateWrites(): CommitOperation[] {
    let room = MAX_WRITES - this.#writes()
    return [...this.#windows(), ...this.#merges].flatMap((holder) => {
      const operations = holder.takeWrites(Math.max(0, room))
      for (const operation of operations) if (operation.op === 'delete') room -= operation.fields.length
      return operations
    })
  }

  #windows(): StoredWindow[] {
    return [...this.#keyed, ...this.#reports].map(({ window }) => window)
  }

  #writes(): number {
    let writes = this.#outputs.writes
    for (const { window } of this.#keyed) writes += window.operator.dirtyCount
    for (const { window } of this.#reports) writes += window.operator.dirtyCount
    for (const { operator } of this.#merges) writes += operator.dirtyCount
    return writes
  }

  /** Panes that wait. */
  #dueCount(): number {
    let due = 0
    for (const { window } of this.#keyed) due += window.operator.dueCount
    for (const { operator } of this.#merges) due += operator.dueCount
    return due
  }

  #isIdle({ window }: ReportStage): boolean {
    return this.#inputs.get(window.topic.from)!.clock.isIdle
  }

  #emitPanes({ topic, operator }: StoredWindow | MergeStage, stage: WindowStage | MergeStage): void {
    // What readers of the result may rely on: nothing older than this can still be revised.
    const watermark = operator.watermark - topic.spec.allowedLatenessMs
    // Again while there is room: the state of a pane may be among the writes already.
    for (let room = this.#roomForPanes(); room > 0 && operator.dueCount > 0; room = this.#roomForPanes()) {
      for (const { id, pane, event } of stage.takePanes(room)) {
        this.counters.panes++
        this.#outputs.add(topic.name, event, { watermark, keepsLatest: true })
        this.#flows.run(topic.name, { id, key: event.key, time: event.time, data: pane })
      }
    }
  }

  #roomForPanes(): number {
    return Math.floor((MAX_WRITES - this.#writes()) / WRITES_PER_PANE)
  }
}

/** The partition that merges a window over all keys. */
export function mergerOf(window: string, partitions: number): number {
  return partitionOf(window, partitions)
}
