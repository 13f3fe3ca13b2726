import {
  BUILT_HASH,
  COMMANDS_TOPIC,
  type CommitOperation,
  type EventBody,
  foldedName,
  LETTER_TOO_DEEP,
  LOG_START,
  OUTBOX_HASH,
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
import { CommitRoom } from './commit-room.ts'
import { isTooDeep, withoutInput } from './dead-letter.ts'
import { EntityPart, type FoldedWork } from './entity-part.ts'
import { EventRouter } from './event-router.ts'
import { type FoldCounters, noCounts } from './fold-counters.ts'
import { beginsOf } from './hand-over.ts'
import type { InputBatch } from './input-batch.ts'
import { MergedWindows } from './merged-windows.ts'
import { NarrowEvent } from './narrow-event.ts'
import { OutputBuffer } from './output-buffer.ts'
import { PaneEmitter } from './pane-emitter.ts'
import { PartitionWindows } from './partition-windows.ts'
import type { Pipeline } from './pipeline.ts'
import { msOf, type Offsets, type StoredProgress } from './progress.ts'
import type { ResultFilter } from './result-filter.ts'
import type { StoredState } from './stored-state.ts'

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
  /** Absent where the contract has no entities. */
  readonly entities: EntityFold | undefined
  readonly #part: EntityPart
  readonly #room: CommitRoom
  readonly #panes: PaneEmitter
  /** The windows that this partition merges. */
  readonly merged: MergedWindows
  /** Routed to entities and not folded by them. */
  #folded: Omit<FoldedEvent, 'storedAt'>[] = []
  /** Of the batch that is being folded: events that are folded into their entities one by one. */
  #left: readonly FoldedEvent[] = []
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
    const passes: ResultFilter = filter ?? {
      hasPane: (window, start) => start >= this.#windows.beginOf(window),
      hasMiss: () => true,
    }
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
    this.#router = new EventRouter(this.#windows, this.#outputs, this.counters, passes, (topic, event) => {
      if (this.entities === undefined) return
      for (const definition of pipeline.entitiesOf(topic)) this.#folded.push({ definition, topic, event })
    })
    this.#room = new CommitRoom(this.#windows, this.#outputs, this.#part)
    const { counters } = this
    const targets = { outputs: this.#outputs, router: this.#router, counters, room: this.#room }
    this.#panes = new PaneEmitter(this.#windows, passes, targets)
    this.merged = new MergedWindows(this.#windows.merges, {
      emit: () => this.#panes.emit(),
      countLate: (partials) => {
        counters.late += partials
      },
      moveOffset: (log, streamId) => this.#moveOffset(log, streamId),
    })
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
    return this.#room.hasForBatch(events.length, events.length * this.#pipeline.statesBehind(topic))
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
    return this.#room.hasForCommand(isApart)
  }

  /** Whether answers are stored without the rest of what is folded: so much of it waits that it would hold them up. */
  get areAnswersApart(): boolean {
    return this.#part.hasBase && this.#room.isFullBesideAnswers
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
    this.#moveOffset(COMMANDS_TOPIC, offset)
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
    this.#room.take(events.length)
    this.#moveOffset(topic, streamId)
    this.#windows.clocks.observe(batch)
    this.#windows.advance()
    this.#panes.emit()
  }

  /** Whether one more report may be taken before the next commit. */
  get hasRoomForReport(): boolean {
    return this.#room.hasForReport
  }

  /** Everything in the partition's logs at `now` was folded, except in those of `behind`. */
  readToEnd(now: number, behind: ReadonlySet<string>): void {
    this.#windows.clocks.readToEnd(now, behind)
    this.#windows.advance()
    this.#panes.emit()
  }

  /** The partition's logs held nothing new at `now`, except those of `topics`. */
  polledEmpty(now: number, topics: ReadonlySet<string>): void {
    this.#windows.tick(now)
    this.#windows.clocks.polledEmpty(now, topics)
    this.#windows.advance()
    this.#panes.emit()
  }

  /** Logs could not be read: their contents are unknown. */
  interrupted(): void {
    this.#windows.clocks.interrupted()
    this.merged.interrupted()
  }

  /** The operations of the next commit. Whatever does not fit stays due. @param isBehind whether further commands wait */
  takeOperations(isBehind = false): CommitOperation[] {
    this.#panes.emit()
    this.#room.begin()
    this.#moved = false
    const reports = this.#windows.reports.flatMap((stage) =>
      stage.takeReports(this.#windows.inputOf(stage), this.#room.left),
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
    let room = this.#room.left
    return this.#windows.holders().flatMap((holder) => {
      const operations = holder.takeWrites(Math.max(0, room))
      for (const operation of operations) if (operation.op === 'delete') room -= operation.fields.length
      return operations
    })
  }

  #moveOffset(log: string, streamId: string): void {
    this.offsets.set(log, streamId)
    this.#moved = true
  }
}
