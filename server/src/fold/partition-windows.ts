import { type CommitOperation, currentHash, partitionOf, windowHash } from '../bus/index.ts'
import type { WindowTopic } from '../config/contract/model.ts'
import { createWindow, FleetClock, TumblingWindow, type WindowOperator } from '../operators/index.ts'
import { FlowStage } from './flow-stage.ts'
import { InputClocks } from './input-clocks.ts'
import { KeyedStage } from './keyed-stage.ts'
import { MergeStage, partialsHash } from './merge-stage.ts'
import { OpenSources, SOURCES_HASH } from './open-sources.ts'
import type { Pipeline } from './pipeline.ts'
import { begunTimes, type StoredProgress, type WindowBegin } from './progress.ts'
import { type InputState, ReportStage } from './report-stage.ts'
import type { EventStage, ResultStage, StateHolder } from './stage.ts'
import type { StoredState } from './stored-state.ts'
import { clocksHash, type HashFields, StoredClocks, StoredWindow } from './stored-window.ts'

/** The stages of one partition, wired as the contract says, in an order in which inputs come first. */
export class PartitionWindows {
  readonly #stages = new Map<string, EventStage[]>()
  readonly #results: ResultStage[] = []
  readonly #keyed: KeyedStage[] = []
  readonly #reports: ReportStage[] = []
  readonly #merges: MergeStage[] = []
  readonly #fleets: StoredClocks[] = []
  readonly #clocks: InputClocks
  readonly #open: OpenSources
  readonly #versions: Readonly<Record<string, string>>
  readonly #begins: Readonly<Record<string, WindowBegin>>
  /** Includes inputs that nothing reads at present: a later reader continues behind the same offset. */
  readonly #storedMaxTimes: Readonly<Record<string, number>>
  #dropped: readonly string[]

  constructor(
    pipeline: Pipeline,
    partition: number,
    partitions: number,
    { progress, stored: fields, anew }: StoredState,
    begins: Readonly<Record<string, WindowBegin>>,
  ) {
    this.#open = new OpenSources(fields.get(SOURCES_HASH))
    this.#clocks = new InputClocks(pipeline, progress.maxTimes, this.#open)
    this.#versions = pipeline.versions
    this.#begins = begins
    this.#storedMaxTimes = progress.maxTimes
    // A changed definition starts anew: its state has another meaning now.
    const changed = Object.keys(progress.versions).filter((name) => progress.versions[name] !== pipeline.versions[name])
    this.#dropped = [
      // An early pane among the latest results would stay until its end has passed, and nobody would complete it.
      ...changed.flatMap((name) => [...hashesOf(name), currentHash(name)]),
      ...[...(anew ?? [])].flatMap(foldHashes),
    ]
    for (const topic of pipeline.windows) {
      const { name, spec } = topic
      const version = pipeline.versions[name]!
      const isSame = progress.versions[name] === version
      const isKnown = isSame && anew?.has(name) !== true
      const states = (isKnown && fields.get(windowHash(name))) || []
      const watermark = isKnown ? progress.watermarks[name] : undefined
      if (spec.clockPer !== 'partition') this.#addFleet(topic, (isKnown && fields.get(clocksHash(name))) || [])
      if (spec.groupBy === 'key') {
        this.#addKeyed(new KeyedStage(new StoredWindow(topic, createWindow(spec, watermark, states))))
        continue
      }
      // The config refuses other shapes whose groups lie in several partitions.
      if (spec.type !== 'tumbling') throw new Error(`window ${name}: ${spec.type} with groupBy`)
      const operator = new TumblingWindow(spec, watermark, states)
      const report = new ReportStage(new StoredWindow(topic, operator), spec, version, begins[name]?.start)
      this.#addReader(topic.from, report)
      this.#reports.push(report)
      if (!mergersOf(topic, partitions).includes(partition)) continue
      // Reports of other partitions stay, whatever this one has lost.
      const merged = isSame ? progress.merges[name] : undefined
      const clock = merged && { ...merged, watermark: merged.watermark ?? Number.NEGATIVE_INFINITY }
      const stored = (isSame && fields.get(partialsHash(name))) || []
      const isMine = (group: string) => spec.groupBy === 'all' || partitionOf(group, partitions) === partition
      this.#addMerge(new MergeStage({ topic, spec, version, partitions, isMine, clock, stored }))
    }
    for (const topic of pipeline.contract.topics.values()) {
      if (topic.kind === 'flow') this.#addReader([topic.from], new FlowStage(topic))
    }
  }

  /** The hashes with the state of a partition's windows. */
  static hashes(pipeline: Pipeline): string[] {
    return [SOURCES_HASH, ...pipeline.windows.flatMap(({ name }) => hashesOf(name))]
  }

  /** The first start of a window's panes; for a merged one, the latest of all partitions. */
  beginOf(window: string): number {
    const merge = this.#merges.find(({ topic }) => topic.name === window)
    return merge?.operator.begin ?? this.#begins[window]?.start ?? Number.NEGATIVE_INFINITY
  }

  get results(): readonly ResultStage[] {
    return this.#results
  }

  get reports(): readonly ReportStage[] {
    return this.#reports
  }

  get merges(): readonly MergeStage[] {
    return this.#merges
  }

  get clocks(): InputClocks {
    return this.#clocks
  }

  /** Stages that read a topic, windows first. */
  stagesOf(topic: string): readonly EventStage[] {
    return this.#stages.get(topic) ?? NONE
  }

  merge(window: string): MergeStage {
    return this.#merges.find(({ topic }) => topic.name === window)!
  }

  /** Takes the hashes of windows that no longer exist. */
  takeDropped(): CommitOperation[] {
    const dropped = this.#dropped.map((hash) => ({ op: 'drop', hash }) as const)
    this.#dropped = []
    return dropped
  }

  /** Moves the windows over events to their inputs' watermarks, inputs first. */
  advance(): void {
    for (const { window } of this.#keyed) this.#advanceKeyed(window)
    this.advanceReports()
  }

  /** As above, for the inputs of one emitting stage. */
  advanceResult(stage: ResultStage): void {
    if (stage.kind === 'keyed') this.#advanceKeyed(stage.window)
  }

  /** As above, for reporting stages. */
  advanceReports(): void {
    for (const { window } of this.#reports) this.#advanceOne(window)
  }

  /** Early panes become due by the clock. */
  tick(now: number): void {
    for (const stage of [...this.#keyed, ...this.#reports, ...this.#merges]) stage.tick(now)
  }

  inputOf({ window }: ReportStage): InputState {
    return { idle: this.#clocks.isIdleFor(window.topic), ended: this.#clocks.hasEndedFor(window.topic) }
  }

  /** Whether a window by key has put out everything, and no more input comes. */
  hasEnded(window: string): boolean {
    const { topic, operator } = this.windows().find(({ topic }) => topic.name === window)!
    return !operator.hasOpen && operator.dueCount === 0 && this.#clocks.hasEndedFor(topic)
  }

  /** All stages with state, in order. */
  holders(): StateHolder[] {
    return [...this.windows(), ...this.#merges, ...this.#fleets, this.#open]
  }

  windows(): StoredWindow<WindowOperator>[] {
    return [...this.#keyed, ...this.#reports].map(({ window }) => window)
  }

  /** Watermarks that windows wait for; where another partition's input is waited for too, the lower one. Infinite if nothing waits. */
  openWatermarks(): ReadonlyMap<string, number> {
    const watermarks = new Map<string, number>()
    for (const { topic, operator } of [...this.windows(), ...this.#merges]) {
      const isWaiting = operator.hasOpen && Number.isFinite(operator.watermark)
      const watermark = isWaiting ? operator.watermark : Number.POSITIVE_INFINITY
      watermarks.set(topic.name, Math.min(watermark, watermarks.get(topic.name) ?? watermark))
    }
    return watermarks
  }

  /** Number of changed fields. */
  get dirtyCount(): number {
    let count = this.#open.operator.dirtyCount
    for (const { window } of this.#keyed) count += window.operator.dirtyCount
    for (const { window } of this.#reports) count += window.operator.dirtyCount
    for (const { operator } of this.#merges) count += operator.dirtyCount
    for (const { operator } of this.#fleets) count += operator.dirtyCount
    return count
  }

  /** Number of waiting results. */
  get dueCount(): number {
    let due = 0
    for (const { window } of this.#keyed) due += window.operator.dueCount
    for (const { operator } of this.#merges) due += operator.dueCount
    return due
  }

  progress(): StoredProgress {
    return {
      maxTimes: { ...this.#storedMaxTimes, ...this.#clocks.maxTimes() },
      versions: this.#versions,
      begins: this.#begins,
      watermarks: begunTimes(this.windows().map(({ topic, operator }) => [topic.name, operator.watermark])),
      merges: Object.fromEntries(
        this.#merges.map(({ topic, operator: { watermark, sources } }) => [
          topic.name,
          { watermark: Number.isFinite(watermark) ? watermark : null, sources: [...sources] },
        ]),
      ),
    }
  }

  #addFleet(topic: WindowTopic, stored: HashFields): void {
    const clock = new FleetClock(stored)
    this.#clocks.setFleet(topic, clock)
    this.#fleets.push(new StoredClocks(topic.name, clock))
  }

  #addKeyed(stage: KeyedStage): void {
    const { topic, operator } = stage.window
    this.#addReader(topic.from, stage)
    this.#keyed.push(stage)
    this.#results.push(stage)
    this.#clocks.setResult(topic.name, operator, topic.spec.allowedLatenessMs)
  }

  #addMerge(stage: MergeStage): void {
    const { topic, operator } = stage
    this.#merges.push(stage)
    this.#results.push(stage)
    this.#clocks.setResult(topic.name, operator, topic.spec.allowedLatenessMs)
  }

  #addReader(inputs: readonly string[], stage: EventStage): void {
    for (const input of inputs) this.#stages.set(input, [...this.stagesOf(input), stage])
  }

  #advanceKeyed(window: StoredWindow<WindowOperator>): void {
    this.#advanceOne(window)
    const { topic, operator } = window
    if (!operator.hasOpen || !this.#clocks.hasEndedFor(topic)) return
    operator.advance(this.#clocks.endedWatermark(topic, operator.openUntil))
  }

  #advanceOne({ topic, operator }: StoredWindow<WindowOperator>): void {
    operator.advance(this.#clocks.watermarkFor(topic))
  }
}

function hashesOf(window: string): string[] {
  return [...foldHashes(window), partialsHash(window)]
}

/** What is computed of this partition's own input. */
function foldHashes(window: string): string[] {
  return [windowHash(window), clocksHash(window)]
}

const NONE: readonly EventStage[] = []

/** The partitions that merge a window: none if groups are keys, one for all keys, otherwise each its own groups. */
export function mergersOf({ name, spec }: WindowTopic, partitions: number): readonly number[] {
  if (spec.groupBy === 'key') return []
  if (spec.groupBy === 'all') return [partitionOf(name, partitions)]
  return Array.from({ length: partitions }, (_, partition) => partition)
}
