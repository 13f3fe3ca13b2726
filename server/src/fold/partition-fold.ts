import {
  BUILT_HASH,
  COMMANDS_TOPIC,
  type CommitOperation,
  type EventBody,
  foldedName,
  LETTER_TOO_DEEP,
  LOG_START,
  type LogEntry,
  OUTBOX_HASH,
  partialsTopic,
  type WindowSource,
} from '../bus/index.ts'
import {
  Builds,
  type Command,
  EntityFold,
  type EntityFoldOptions,
  type FoldedEvent,
  type OpenChunk,
} from '../entities/index.ts'
import type { WindowOperator } from '../operators/index.ts'
import { commandCursor, type PlacedCommand } from './command-offset.ts'
import { isTooDeep, withoutInput } from './dead-letter.ts'
import { EntityPart, type FoldedWork } from './entity-part.ts'
import { EventRouter } from './event-router.ts'
import { type FoldCounters, noCounts } from './fold-counters.ts'
import { beginsOf } from './hand-over.ts'
import type { InputBatch } from './input-batch.ts'
import { NarrowEvent } from './narrow-event.ts'
import { OutputBuffer } from './output-buffer.ts'
import { PartitionWindows } from './partition-windows.ts'
import type { Pipeline } from './pipeline.ts'
import { foreignLog, msOf, type Offsets, type StoredProgress } from './progress.ts'
import { MAX_PARTIALS } from './report-stage.ts'
import type { ResultFilter } from './result-filter.ts'
import type { ResultStage } from './stage.ts'
import type { StoredState } from './stored-state.ts'

/**
 * Writes of one commit: 5 to 7 ms of Redis (docs/adr/0001). A single record batch may exceed it: an offset names whole
 * batches.
 */
export const MAX_WRITES = 4_000
/**
 * Characters of one commit, but for states of windows: with those of 1,000 keys it stays below 256 KiB. It ends behind the
 * command, or the record batch of events, that exceeds it.
 */
const MAX_SIZE = 192 * 1_024
/** Source events of one commit. */
const MAX_EVENTS = 20_000
/** A partial is one, and changes a state. */
const WRITES_PER_REPORT = 2 * MAX_PARTIALS
/** A pane is an event, a latest result and a state. */
const WRITES_PER_PANE = 3
/** Writes beside answers for which these do not wait: with more, they are stored alone. */
const MAX_BESIDE_ANSWERS = 200

export interface FoldOptions {
  /** Absent: panes from where each window begins, and everything that is missed. */
  readonly filter?: ResultFilter
  /** What entities need to run. Absent: commands are not read, and no entity folds a topic. */
  readonly handlers?: Omit<EntityFoldOptions, 'definitions' | 'generations' | 'builds' | 'outbox' | 'publish' | 'bury'>
}

/** Commands that were taken to be folded. */
export interface CommandChunk extends Pick<OpenChunk, 'body'> {
  /** Folds those that there is room for. @param isOver whether `body` returned @returns as `OpenChunk.fold` */
  readonly fold: (isOver: boolean) => number
}

/**
 * Everything a partition computes, in memory: batches go in, operations of a commit come out. Its state runs ahead of
 * the stored one by at most one commit; after a refused commit its driver drops it and loads another one.
 */
export class PartitionFold {
  readonly counters: FoldCounters = noCounts()
  readonly offsets: Offsets
  readonly #pipeline: Pipeline
  readonly #windows: PartitionWindows
  readonly #outputs = new OutputBuffer()
  readonly #router: EventRouter
  readonly #filter: ResultFilter
  /** Absent where the contract has no entities. */
  readonly entities: EntityFold | undefined
  readonly #part: EntityPart
  /** Routed to entities and not folded by them. */
  #folded: Omit<FoldedEvent, 'storedAt'>[] = []
  /** Of the batch that is being folded: events that are folded into their entities one by one. */
  #left: readonly FoldedEvent[] = []
  #events = 0
  #moved: boolean

  constructor(
    pipeline: Pipeline,
    partition: number,
    partitions: number,
    state: StoredState,
    { filter, handlers }: FoldOptions = {},
  ) {
    this.offsets = state.offsets
    // The new offsets are committed at once: until then others may take it that the partition waits for lost entries.
    this.#moved = state.anew !== undefined
    this.#pipeline = pipeline
    const begins = beginsOf(pipeline, state.progress, state.offsets, state.anew)
    this.#windows = new PartitionWindows(pipeline, partition, partitions, state, begins)
    this.#filter = filter ?? { hasPane: (window, start) => start >= this.#windows.beginOf(window), hasMiss: () => true }
    const definitions = pipeline.contract.entities
    this.entities =
      handlers && definitions.size > 0
        ? new EntityFold({
            ...handlers,
            definitions,
            generations: state.progress.answers,
            builds: new Builds(definitions, state.stored.get(BUILT_HASH) ?? [], state.entityCounts ?? new Map()),
            outbox: { stored: state.progress.outbox, fields: state.stored.get(OUTBOX_HASH) ?? [] },
            publish: (topic, event, isLatest) => this.#part.published.add(topic, event, { isLatest }),
            bury: (entity, topic, event, cause) => this.#router.bury(foldedName(entity, topic), event, cause),
          })
        : undefined
    this.#part = new EntityPart(this.entities)
    this.#router = new EventRouter(this.#windows, this.#outputs, this.counters, this.#filter, (topic, event) => {
      if (this.entities === undefined) return
      for (const definition of pipeline.entitiesOf(topic)) this.#folded.push({ definition, topic, event })
    })
  }

  /** Windows this partition merges. */
  get merges(): readonly string[] {
    return this.#windows.merges.map((merge) => merge.topic.name)
  }

  /** A window by name. */
  operatorOf(window: string): WindowOperator {
    return this.#windows.windows().find(({ topic }) => topic.name === window)!.operator
  }

  /** No more input comes of any topic. */
  endInput(): void {
    this.#windows.clocks.endAll()
  }

  /** Whether a window by key has put out everything, and no more input comes. */
  hasEnded(window: string): boolean {
    return this.#windows.hasEnded(window)
  }

  /** Input -> id of the last entry that is folded. */
  inputOffsets(): Map<string, string> {
    return new Map(this.#pipeline.inputs.map(({ name }) => [name, this.offsets.get(name) ?? LOG_START]))
  }

  /** Cursors in the partition's own logs. */
  cursors(): Map<string, string> {
    const cursors = this.inputOffsets()
    if (this.entities !== undefined) cursors.set(COMMANDS_TOPIC, commandCursor(this.offsets.get(COMMANDS_TOPIC)))
    return cursors
  }

  /** Whether entities wait for others to take what they send them, before they are given more. */
  get isHeldUp(): boolean {
    return this.entities?.outbox.isFull === true
  }

  /** Has the next commit tell whether Redis is still the one that the state was loaded from. */
  touch(): void {
    this.#moved = true
  }

  /** Whether one more batch may be folded before the next commit. */
  hasRoomFor({ topic, events }: InputBatch): boolean {
    // Otherwise the content of a pane would depend on where commits fall.
    if (this.hasDue || this.isHeldUp) return false
    const writes = this.#writes()
    if (this.#events === 0 && writes === 0) return true
    const added = events.length * this.#pipeline.statesBehind(topic)
    return this.#events + events.length <= MAX_EVENTS && writes + added <= MAX_WRITES && this.#size() <= MAX_SIZE
  }

  /** Whether panes wait for room in a commit. */
  get hasDue(): boolean {
    return this.#windows.dueCount > 0
  }

  /** Whether senders of commands wait for the next commit. */
  get hasAnswers(): boolean {
    return this.entities?.hasAnswers === true
  }

  /** Whether subscribers wait for the next commit. */
  get hasOutputs(): boolean {
    return (
      this.#outputs.writes > 0 ||
      this.#part.hasOutputs ||
      this.hasDue ||
      this.#windows.reports.some(({ window }) => window.operator.dueCount > 0)
    )
  }

  /** Whether a commit would write anything. */
  get isDirty(): boolean {
    return (
      this.#moved ||
      this.hasOutputs ||
      this.entities?.isDirty === true ||
      this.#windows.holders().some(({ operator }) => operator.dirtyCount > 0 || operator.hasForgettable) ||
      this.#windows.reports.some((stage) => stage.needsReport(this.#windows.inputOf(stage)))
    )
  }

  /** Whether time alone may close a window. */
  get hasOpenWindows(): boolean {
    return this.#windows.windows().some(({ operator }) => operator.hasOpen)
  }

  /** What windows wait for: the slowest clocks of those with a clock per source or key, watermarks where something is open. */
  waitsFor(): { readonly sources: readonly WindowSource[]; readonly watermarks: ReadonlyMap<string, number> } {
    return { sources: this.#windows.clocks.slowestSources(), watermarks: this.#windows.openWatermarks() }
  }

  /** Window states held in memory. */
  get openStates(): number {
    return this.#windows.holders().reduce((sum, { operator }) => sum + operator.openCount, 0)
  }

  /**
   * Folds a batch of one of the partition's inputs. The entities that it touches are loaded.
   *
   * @returns false where code of entities takes long: `foldNext` is to be called until it returns true, and others run
   *   in between
   */
  fold(batch: InputBatch): boolean {
    for (const event of batch.events) this.#route(batch.topic, event)
    this.#left = this.#foldIntoEntities(batch)
    return this.#isDone(batch)
  }

  /** Folds one of the events that `fold` has left. */
  foldNext(batch: InputBatch): boolean {
    this.entities!.foldEvents(this.#left.slice(0, 1))
    this.#left = this.#left.slice(1)
    return this.#isDone(batch)
  }

  #isDone(batch: InputBatch): boolean {
    if (this.#left.length > 0) return false
    this.finish(batch)
    return true
  }

  /** Whether one more command may be folded before the next commit. */
  get hasRoomForCommands(): boolean {
    if (this.isHeldUp) return false
    const isApart = this.areAnswersApart
    if (!isApart && this.hasDue) return false
    const { writes, size } = isApart ? this.#part : { writes: this.#writes(), size: this.#size() }
    return writes < MAX_WRITES && size < MAX_SIZE
  }

  /** Whether answers are stored without the rest of what is folded: so much of it waits that it would hold them up. */
  get areAnswersApart(): boolean {
    if (!this.#part.hasBase) return false
    return this.hasDue || this.#outputs.writes + this.#windows.dirtyCount > MAX_BESIDE_ANSWERS
  }

  /** Takes commands whose needs are loaded, to fold as many as there is room for. Nothing else MUST be folded before them. */
  beginCommands(placed: readonly PlacedCommand[]): CommandChunk {
    const { body, fold } = this.entities!.begin(placed.map(({ command }) => command))
    return {
      body,
      fold: (isOver) => {
        const folded = fold(isOver, () => this.hasRoomForCommands)
        if (folded === 0) return 0
        this.offsets.set(COMMANDS_TOPIC, placed[folded - 1]!.offset)
        return folded
      },
    }
  }

  /** The same at once, under a time limit of their own. */
  foldCommands(placed: readonly PlacedCommand[]): number {
    const { body, fold } = this.beginCommands(placed)
    return fold(this.entities!.limited(body))
  }

  /** Passes over a command that ends its workers. */
  buryCommand(command: Command, offset: string, cause: string): void {
    if (this.entities!.bury(command, cause)) this.#router.bury(COMMANDS_TOPIC, withoutInput(command), cause)
    this.offsets.set(COMMANDS_TOPIC, offset)
    this.#moved = true
  }

  /** Folds one event of a batch. The batch counts as folded with `finish`. */
  foldEvent(batch: InputBatch, event: EventBody): void {
    this.#route(batch.topic, event)
    this.#foldIntoEntities(batch)
  }

  #route(topic: string, event: EventBody): void {
    // A narrow one is only as deep as the schema.
    if (!(event instanceof NarrowEvent) && isTooDeep(event.data)) this.#router.bury(topic, event, LETTER_TOO_DEEP)
    else this.#router.run(topic, event)
  }

  /** After flows and windows: what an entity is given is frozen. */
  #foldIntoEntities({ streamId }: InputBatch): readonly FoldedEvent[] {
    if (this.#folded.length === 0) return []
    const storedAt = msOf(streamId)
    const events = this.#folded.map((folded) => ({ ...folded, storedAt }))
    this.#folded = []
    return this.entities!.foldEvents(events)
  }

  /** Skips one event of a batch that kills its workers. */
  bury(topic: string, event: EventBody, cause: string): void {
    this.#router.bury(topic, event, cause)
  }

  /** Counts a batch as folded and moves the watermarks: batch by batch, however many are folded before a commit. */
  finish(batch: InputBatch): void {
    const { topic, streamId, events } = batch
    this.counters.events += events.length
    this.#events += events.length
    this.offsets.set(topic, streamId)
    this.#moved = true
    this.#windows.clocks.observe(batch)
    this.#windows.advance()
    this.#emit()
  }

  /** Whether one more report may be taken before the next commit. */
  get hasRoomForReport(): boolean {
    return this.#writes() <= MAX_WRITES - WRITES_PER_REPORT
  }

  /** Takes a report of a source partition for a window merged here. */
  applyReport(window: string, source: number, entry: LogEntry): void {
    const merge = this.#windows.merge(window)
    this.counters.late += merge.apply(source, entry)
    merge.operator.advance()
    this.#emit()
    this.passOverReport(window, source, entry)
  }

  passOverReport(window: string, source: number, { streamId }: LogEntry): void {
    this.offsets.set(foreignLog(source, partialsTopic(window)), streamId)
    this.#moved = true
  }

  /** Everything in the partition's logs at `now` was folded, except in those of `behind`. */
  readToEnd(now: number, behind: ReadonlySet<string>): void {
    this.#windows.clocks.readToEnd(now, behind)
    this.#windows.advance()
    this.#emit()
  }

  /** The partition's logs held nothing new at `now`, except those of `topics`. */
  polledEmpty(now: number, topics: ReadonlySet<string>): void {
    this.#windows.tick(now)
    this.#windows.clocks.polledEmpty(now, topics)
    this.#windows.advance()
    this.#emit()
  }

  /** From now on a partition's idle report counts only as `closeWithout` confirms it. */
  distrustIdle(): void {
    for (const { operator } of this.#windows.merges) operator.distrustIdle()
  }

  /** Idle partitions that hold back windows merged here. */
  idleInTheWay(window: string): readonly number[] {
    return this.#windows.merge(window).operator.idleInTheWay()
  }

  /** These partitions are known to have no input for the window at this moment. */
  closeWithout(window: string, partitions: ReadonlySet<number>): void {
    this.#windows.merge(window).operator.advanceTrusting(partitions)
    this.#emit()
  }

  /** There were no reports for a window merged here. */
  polledNoReports(now: number, window: string): void {
    const { operator } = this.#windows.merge(window)
    operator.polledEmpty(now)
    operator.advance()
    this.#emit()
  }

  /** Logs could not be read: their contents are unknown. */
  interrupted(): void {
    this.#windows.clocks.interrupted()
    this.reportsInterrupted()
  }

  /** The same of reports for windows that are merged here. */
  reportsInterrupted(): void {
    for (const { operator } of this.#windows.merges) operator.interrupted()
  }

  /** The operations of the next commit. Whatever does not fit stays due. @param isBehind whether further commands wait */
  takeOperations(isBehind = false): CommitOperation[] {
    this.#emit()
    this.#events = 0
    this.#moved = false
    const reports = this.#windows.reports.flatMap((stage) =>
      stage.takeReports(this.#windows.inputOf(stage), MAX_WRITES - this.#writes()),
    )
    const entities = this.#part.takeOperations(isBehind)
    return [
      ...this.#windows.takeDropped(),
      ...entities,
      ...this.#takeStateWrites(),
      ...this.#outputs.take(),
      ...reports,
    ]
  }

  /** All that the next commit stores. @param isBehind as of `takeOperations` */
  take(isBehind: boolean): FoldedWork {
    const operations = this.takeOperations(isBehind)
    const work = { operations, offsets: new Map(this.offsets), progress: this.progress() }
    // Where entities fold topics, what becomes of them is stored with how far those are folded.
    if (!this.#pipeline.hasEntitiesOnTopics) this.#part.takenWith(work)
    return work
  }

  /** Answers, where they are apart. @param isBehind as of `takeOperations` */
  takeAnswers(isBehind: boolean): FoldedWork {
    return this.#part.takeAlone(this.offsets.get(COMMANDS_TOPIC)!, isBehind)
  }

  /** The counters since the last call. */
  takeCounters(): FoldCounters {
    const taken = { ...this.counters }
    Object.assign(this.counters, noCounts())
    return taken
  }

  progress(): StoredProgress {
    return { ...this.#windows.progress(), ...this.#part.progress() }
  }

  /** Changed fields, and as many final ones deleted as the commit has room for. */
  #takeStateWrites(): CommitOperation[] {
    let room = MAX_WRITES - this.#writes()
    return this.#windows.holders().flatMap((holder) => {
      const operations = holder.takeWrites(Math.max(0, room))
      for (const operation of operations) if (operation.op === 'delete') room -= operation.fields.length
      return operations
    })
  }

  #writes(): number {
    return this.#outputs.writes + this.#windows.dirtyCount + this.#part.writes
  }

  #size(): number {
    return this.#outputs.size + this.#part.size
  }

  /** Emits due panes, as far as the commit has room. */
  #emit(): void {
    for (const stage of this.#windows.results) {
      // Its inputs may have emitted panes just now.
      this.#windows.advanceResult(stage)
      this.#emitResults(stage)
    }
    // Likewise for stages that only report: otherwise the parts of panes would wait for the next batch or poll.
    this.#windows.advanceReports()
  }

  #emitResults(stage: ResultStage): void {
    const { topic, operator } = stage.kind === 'keyed' ? stage.window : stage
    // Readers of the result may rely on it: nothing older than this can still be revised.
    const watermark = operator.watermark - topic.spec.allowedLatenessMs
    // Again while there is room: the state of a pane may already be among the writes.
    for (let room = this.#roomForPanes(); room > 0 && operator.dueCount > 0; room = this.#roomForPanes()) {
      for (const { id, data, event } of stage.takeResults(room)) {
        if (!this.#filter.hasPane(topic.name, data.start, data.end)) continue
        const isWithdrawn = 'withdrawn' in data
        this.counters.panes++
        this.#outputs.add(topic.name, event, { watermark, isLatest: !isWithdrawn })
        this.#router.run(topic.name, { id, key: event.key, time: event.time, data })
      }
    }
  }

  #roomForPanes(): number {
    return Math.floor((MAX_WRITES - this.#writes()) / WRITES_PER_PANE)
  }
}
