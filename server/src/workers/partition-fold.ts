import {
  type CommitOperation,
  decodeEvents,
  decodeHeader,
  type EventBody,
  encodeEvent,
  LOG_START,
  type LogEntry,
  partialsTopic,
  partitionOf,
  refusedEvents,
} from '../bus/index.ts'
import type { FlowTopic } from '../config/model.ts'
import { applyFlow, SourceClock } from '../operators/index.ts'
import { deadLetter, deadLetterTopic } from './dead-letter.ts'
import { MergeStage } from './merge-stage.ts'
import { OutputBuffer } from './output-buffer.ts'
import type { Pipeline } from './pipeline.ts'
import { foreignLog, type Offsets, type StoredProgress } from './progress.ts'
import { ReportStage, reportOperation } from './report-stage.ts'
import { WindowStage } from './window-stage.ts'

/** Writes of one commit: 10,000 would hold Redis for 22 ms. */
export const MAX_WRITES = 1_000
/** Characters of output of one commit. */
const MAX_OUTPUT_SIZE = 128 * 1_024
/** Events of one commit. */
const MAX_EVENTS = 5_000
/** Panes of one commit; each is an event, a state and a latest result. */
const MAX_PANES = MAX_WRITES / 3

export interface FoldCounters {
  events: number
  late: number
  panes: number
  deadLetters: number
}

/**
 * Everything a partition computes, in memory: entries go in, operations of a commit come out. What it holds runs ahead
 * of what is stored by at most one commit; whoever drives it drops it and loads another one after any commit that
 * was not accepted.
 */
export class PartitionFold {
  readonly counters: FoldCounters = { events: 0, late: 0, panes: 0, deadLetters: 0 }
  readonly #pipeline: Pipeline
  readonly #partition: number
  readonly #clocks = new Map<string, SourceClock>()
  readonly #stages = new Map<string, WindowStage>()
  readonly #merges: MergeStage[] = []
  readonly #offsets: Offsets
  readonly #outputs: OutputBuffer
  #events = 0
  #moved = false

  constructor(
    pipeline: Pipeline,
    partition: number,
    partitions: number,
    offsets: Offsets,
    progress: StoredProgress,
    stored: ReadonlyMap<string, readonly (readonly [string, string])[]>,
  ) {
    this.#pipeline = pipeline
    this.#partition = partition
    this.#offsets = offsets
    this.#outputs = new OutputBuffer(partition)
    for (const { name } of pipeline.inputs) this.#clocks.set(name, new SourceClock(progress.maxTimes[name]))
    for (const window of pipeline.windows) {
      const stage =
        window.spec.groupBy === 'all' ? new ReportStage(window, partition) : new WindowStage(window, partition)
      stage.restore(progress.watermarks[window.name] ?? Number.NEGATIVE_INFINITY, stored.get(stage.storeKey) ?? [])
      this.#stages.set(window.name, stage)
      if (window.spec.groupBy !== 'all' || mergerOf(window.name, partitions) !== partition) continue
      const merge = new MergeStage(window, partition)
      const { watermark = null, sources = [] } = progress.merges[window.name] ?? {}
      merge.operator.restoreClock(watermark ?? Number.NEGATIVE_INFINITY, sources)
      merge.restore(stored.get(merge.storeKey) ?? [])
      this.#merges.push(merge)
    }
  }

  /** Keys of the hashes that hold the state of a partition's windows. */
  static storeKeys(pipeline: Pipeline, partition: number): string[] {
    return pipeline.windows.flatMap((window) => [
      new WindowStage(window, partition).storeKey,
      new MergeStage(window, partition).storeKey,
    ])
  }

  /** Windows this partition merges. */
  get merges(): readonly string[] {
    return this.#merges.map((merge) => merge.topic.name)
  }

  get offsets(): Offsets {
    return this.#offsets
  }

  /** Where to read on in the partition's own logs. */
  cursors(): Map<string, string> {
    return new Map(this.#pipeline.inputs.map(({ name }) => [name, this.#offsets.get(name) ?? LOG_START]))
  }

  /** Whether one more entry of so many events may be folded before the next commit. */
  hasRoomFor(events: number): boolean {
    if (this.#events === 0) return true
    return (
      this.#events + events <= MAX_EVENTS &&
      this.#writes() + events <= MAX_WRITES &&
      this.#outputs.size <= MAX_OUTPUT_SIZE
    )
  }

  /** Whether panes or forgotten states wait: they go out before more input is folded. */
  get hasDue(): boolean {
    return (
      [...this.#stages.values()].some((stage) => !(stage instanceof ReportStage) && stage.operator.dueCount > 0) ||
      this.#merges.some((merge) => merge.operator.dueCount > 0)
    )
  }

  get hasOutputs(): boolean {
    return this.#outputs.count > 0 || this.hasDue
  }

  /** Whether a commit would write anything. */
  isDirty(now: number): boolean {
    return (
      this.#moved ||
      this.#writes() > 0 ||
      [...this.#stages.values()].some(
        (stage) =>
          stage.operator.hasForgettable ||
          (stage instanceof ReportStage && stage.needsReport(this.#isIdle(stage, now))),
      )
    )
  }

  /** Whether time alone may close something. */
  get hasOpenWindows(): boolean {
    return (
      [...this.#stages.values()].some((stage) => stage.operator.hasOpen) ||
      this.#merges.some((merge) => merge.operator.hasOpen)
    )
  }

  /** Folds one record batch of one of the partition's inputs. */
  fold(entry: LogEntry): void {
    const { topic } = entry
    const header = decodeHeader(entry.header)
    const refused = refusedEvents(header, entry.refused)
    const events = decodeEvents(entry.payload)
    const clock = this.#clocks.get(topic)!
    const flows = this.#pipeline.flowsOf(topic)
    const stages = this.#pipeline.windowsOf(topic).map(({ name }) => this.#stages.get(name)!)
    for (let i = 0; i < events.length; i++) {
      if (refused.size > 0 && refused.has(i)) continue
      const event = events[i]!
      for (const flow of flows) this.#runFlow(flow, event)
      for (const stage of stages) {
        const outcome = stage.operator.add(stage.groupOf(event.key), event.time, event.data as Record<string, unknown>)
        if (outcome === 'late') this.#emitLate(stage, event)
      }
      clock.observe(event.time)
    }
    this.counters.events += events.length
    this.#events += events.length
    this.#offsets.set(topic, entry.streamId)
    this.#moved = true
  }

  /** Passes over a batch that keeps killing its workers: its events go to the dead letters. */
  skip(entry: LogEntry, cause: string): void {
    for (const event of decodeEvents(entry.payload)) this.#bury(entry.topic, event, cause)
    this.#offsets.set(entry.topic, entry.streamId)
    this.#moved = true
  }

  /** Takes a report of a source partition for a window merged here. */
  applyReport(window: string, source: number, entry: LogEntry): void {
    this.#merges.find((merge) => merge.topic.name === window)!.apply(source, entry)
    this.#offsets.set(foreignLog(source, partialsTopic(window)), entry.streamId)
    this.#moved = true
  }

  /** An input was read to its end. */
  polledEmpty(now: number): void {
    for (const clock of this.#clocks.values()) clock.polledEmpty(now)
  }

  /** Moves every watermark to what the inputs allow at `now`. */
  advance(now: number): void {
    for (const stage of this.#stages.values()) {
      const clock = this.#clocks.get(stage.topic.from)!
      stage.operator.advance(clock.watermark(stage.topic.spec.outOfOrdernessMs, now))
    }
    for (const merge of this.#merges) merge.operator.advance(now)
  }

  /** The operations of the next commit. What does not fit stays due. */
  takeOperations(now: number): CommitOperation[] {
    const reports: CommitOperation[] = []
    for (const stage of this.#stages.values()) {
      if (stage instanceof ReportStage) {
        const report = stage.takeReport(this.#isIdle(stage, now))
        if (report !== undefined) reports.push(reportOperation(this.#partition, stage.topic.name, report))
      } else this.#emitPanes(stage, stage.topic.spec.allowedLatenessMs)
    }
    for (const merge of this.#merges) this.#emitPanes(merge, merge.topic.spec.allowedLatenessMs)
    this.#events = 0
    this.#moved = false
    return [
      ...[...this.#stages.values()].flatMap((stage) => stage.takeWrites(MAX_WRITES)),
      ...this.#merges.flatMap((merge) => merge.takeWrites()),
      ...this.#outputs.take(),
      ...reports,
    ]
  }

  progress(): StoredProgress {
    const maxTimes = [...this.#clocks].map(([topic, clock]) => [topic, clock.maxTime] as const)
    const watermarks = [...this.#stages].map(([window, stage]) => [window, stage.operator.watermark] as const)
    const merges = this.#merges.map(({ topic, operator }) => {
      const watermark = Number.isFinite(operator.watermark) ? operator.watermark : null
      return [topic.name, { watermark, sources: [...operator.sources] }] as const
    })
    const begun = ([, time]: readonly [string, number]) => Number.isFinite(time)
    return {
      maxTimes: Object.fromEntries(maxTimes.filter(begun)),
      watermarks: Object.fromEntries(watermarks.filter(begun)),
      merges: Object.fromEntries(merges),
    }
  }

  #writes(): number {
    let writes = this.#outputs.count
    for (const stage of this.#stages.values()) writes += stage.operator.dirtyCount
    for (const merge of this.#merges) writes += merge.operator.dirtyCount
    return writes
  }

  #isIdle(stage: WindowStage, now: number): boolean {
    return this.#clocks.get(stage.topic.from)!.isIdle(now)
  }

  #emitPanes(stage: WindowStage | MergeStage, allowedLatenessMs: number): void {
    const room = Math.floor(MAX_PANES - this.#outputs.count / 3)
    if (room <= 0) return
    // What readers of the result may rely on: nothing older than this can still be revised.
    const carried = stage.operator.watermark - allowedLatenessMs
    for (const { id, pane, event } of stage.takePanes(room)) {
      this.counters.panes++
      this.#outputs.add(stage.topic.name, event, { watermark: carried, keepsCurrent: true })
      const { key, time } = event
      for (const flow of this.#pipeline.flowsOf(stage.topic.name)) this.#runFlow(flow, { id, key, time, data: pane })
    }
  }

  /** A flow's output keeps id, key and time of what it was computed from. */
  #runFlow(flow: FlowTopic, event: EventBody): void {
    let data: unknown
    try {
      data = applyFlow(flow.steps, event.data)
      if (data === undefined) return
      const json = encodeEvent(event.id, event.key, event.time, event.source, JSON.stringify(data))
      this.#outputs.add(flow.name, { key: event.key, lane: flow.laneOf(data), time: event.time, json }, RESULT)
    } catch (error) {
      this.#bury(flow.name, event, error instanceof Error ? error.message : String(error))
      return
    }
    for (const next of this.#pipeline.flowsOf(flow.name)) this.#runFlow(next, { ...event, data })
  }

  #emitLate(stage: WindowStage, { id, key, time, source, data }: EventBody): void {
    this.counters.late++
    const json = encodeEvent(id, key, time, source, JSON.stringify(data))
    this.#outputs.add(stage.topic.lateTopic, { key, lane: 'low', time, json }, RESULT)
  }

  #bury(topic: string, event: EventBody, cause: string): void {
    this.counters.deadLetters++
    this.#outputs.add(deadLetterTopic(topic), deadLetter(event, cause), RESULT)
  }
}

const RESULT = { keepsCurrent: false } as const

/** The partition that merges a window over all keys. */
export function mergerOf(window: string, partitions: number): number {
  return partitionOf(window, partitions)
}
