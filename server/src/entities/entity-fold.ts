import type { CommitOperation, EventBody } from '../bus/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import type { StoredGenerations } from './answer-generations.ts'
import type { AnsweredIds } from './answered-ids.ts'
import { Answers, type GivenAnswer } from './answers.ts'
import { Builds, type LookCounts } from './builds.ts'
import { chunkOf, failed, MAX_CHUNK, type Overlay, type Run, runAnyhow, runOn } from './chunk.ts'
import { type Command, type CommandCode, type CommandOutcome, rejection, traceOf } from './command.ts'
import { type Effect, type ErasedEffect, type ImportedEffect, refused, unchanged } from './effect.ts'
import { EntityBook, type HeldEntity } from './entity-book.ts'
import { type Decided, EntityChanges, type Publish } from './entity-changes.ts'
import type { EntityRecord, TrailEntry } from './entity-record.ts'
import { ERASE, erase, isAnswerOfBefore, isOfBefore } from './erase.ts'
import { newRecord } from './fold-events.ts'
import { IMPORT, importPiece } from './import.ts'
import { type NumberedMessage, Outbox, type StoredOutbox } from './outbox.ts'
import { outcomeOf, overloaded } from './outcome.ts'
import { PastCommands, type UnreadTrail } from './past-commands.ts'
import { type Message, OUTCOME_COMMAND, outcomeMessage } from './reaction.ts'
import { type FoundEntity, REBUILD } from './rebuild.ts'
import { type RebuildTarget, rebuildEntities } from './rebuild-entities.ts'
import { runCommand } from './run-command.ts'
import { type FoldedEvent, runEvent } from './run-event.ts'
import type { Limited } from './slices.ts'

/** Records in memory, of one partition. */
const DEFAULT_BUDGET = 16 * 1_024 * 1_024

export interface EntityFoldOptions {
  readonly definitions: ReadonlyMap<string, EntityDefinition>
  /** Of the log that the commands are of. */
  readonly epoch: string
  /** Redis' clock, ms. */
  readonly now: () => number
  /** Where it ends a chunk, nothing of that counts. */
  readonly limited: Limited
  /** Notes a failure of the application's code. @returns the id under which the log has it */
  readonly incident: (what: string, error: unknown) => string
  readonly generations?: StoredGenerations | undefined
  /** Commands that followed from events and are not known to have arrived. */
  readonly outbox?: {
    readonly stored: StoredOutbox | undefined
    readonly fields: readonly (readonly [field: string, value: string])[]
  }
  /** By what entities are stored. Absent: nothing is rebuilt. */
  readonly builds?: Builds
  readonly publish: Publish
  /** Takes an event of a topic on which an entity failed. */
  readonly bury: (entity: string, topic: string, event: EventBody, cause: string) => void
  /** Characters of records in memory. */
  readonly budget?: number
}

/** What became of one command of a chunk. */
type Handled = { readonly command: Command } & (
  | ({ readonly kind: 'run'; readonly definition: EntityDefinition } & Run)
  /** Its id has an answer, or gets one earlier in the chunk. */
  | { readonly kind: 'repeated' }
  /** It was not run, and may be answered in another way next time. */
  | { readonly kind: 'passed'; readonly code: CommandCode | 'overloaded' }
  /** It was run before, and its answer is forgotten. */
  | { readonly kind: 'past'; readonly version: number }
  /** Nothing of it could be run. */
  | { readonly kind: 'refused'; readonly code: CommandCode }
)

/** A command that is to be run. */
interface Due {
  readonly kind: 'due'
  readonly command: Command
  readonly definition: EntityDefinition
  readonly held: HeldEntity
}

/** Commands that were taken to be folded. */
export interface OpenChunk {
  /** Runs them; changes nothing. MUST be run under a time limit, may be ended anywhere, and run again. */
  readonly body: () => void
  /**
   * Folds them: at least one, and the others while there is room.
   *
   * @param isOver whether `body` returned @param hasRoom whether the next commit has room for one more
   * @returns how many count, from the first on. 0 where they were ended by the time limit: each is to be folded alone, which
   *   always counts, and others run in between
   */
  readonly fold: (isOver: boolean, hasRoom: () => boolean) => number
}

/** What an entity is asked for by. */
export interface Subject {
  readonly entity: string
  readonly key: string
}

/**
 * The entities of a partition: commands go in, operations of a commit come out. Everything a chunk of commands touches is
 * loaded before: `needs` says what. What it holds runs ahead of what is stored by at most one commit.
 */
export class EntityFold {
  /** What it sends to other entities. */
  readonly outbox: Outbox
  readonly builds: Builds
  readonly #options: EntityFoldOptions
  readonly #book: EntityBook
  readonly #answers: Answers
  readonly #past: PastCommands
  readonly #changes: EntityChanges
  #look = 0
  /** Number of the commit that is being collected, and of the last one that is stored. */
  #commit = 1
  #stored = 0

  constructor(options: EntityFoldOptions) {
    this.#options = options
    this.#book = new EntityBook(options.budget ?? DEFAULT_BUDGET)
    this.#changes = new EntityChanges(options.publish)
    this.#answers = new Answers(options.generations)
    this.builds = options.builds ?? new Builds(new Map(), [], new Map())
    this.outbox = new Outbox(options.outbox?.stored, options.outbox?.fields)
    this.#past = new PastCommands(this.#book, this.#answers.generations)
  }

  get limited(): Limited {
    return this.#options.limited
  }

  get generations(): StoredGenerations {
    return this.#answers.generations.stored
  }

  get answeredIds(): AnsweredIds {
    return this.#answers.ids
  }

  /** Writes of the next commit. */
  get writes(): number {
    return this.#answers.writes + this.#changes.writes + this.outbox.writes
  }

  /** Characters of its answers, messages, and all that changes of entities. */
  get size(): number {
    return this.#answers.size + this.#changes.size + this.outbox.collectedSize
  }

  get isDirty(): boolean {
    return this.writes > 0 || this.builds.isUrgent
  }

  /** Whether the next commit has what others see or get. */
  get hasOutputs(): boolean {
    return this.#answers.writes + this.#changes.writes > 0 || this.outbox.hasNew
  }

  /** Whether senders of commands wait for it. */
  get hasAnswers(): boolean {
    return this.#answers.writes > 0
  }

  /** Number of the last look at what is needed. What was loaded for an earlier one may be forgotten by now. */
  get look(): number {
    return this.#look
  }

  /**
   * Forgets what it need not hold, and says what has to be loaded before these commands are folded. Nothing MUST be loaded from
   * an earlier look: an answer that was stored meanwhile is known to that look no more than to this object.
   */
  needs(commands: readonly Command[]): {
    readonly entities: ReadonlyMap<string, readonly string[]>
    readonly ids: string[]
  } {
    const entities = this.needsOf(commands)
    const ids = new Set<string>()
    for (const { id } of commands) if (this.#answers.mayBeStored(id)) ids.add(id)
    return { entities, ids: [...ids] }
  }

  /** The same of what events of topics touch. @returns name -> keys */
  needsOf(subjects: readonly Subject[]): ReadonlyMap<string, readonly string[]> {
    this.#look++
    this.#answers.forget(this.#stored)
    this.#book.evict(this.#stored)
    const wanted = new Map<string, Set<string>>()
    for (const { entity, key } of subjects) {
      if (!this.#options.definitions.has(entity) || this.#book.has(entity, key)) continue
      const keys = wanted.get(entity)
      if (keys === undefined) wanted.set(entity, new Set([key]))
      else keys.add(key)
    }
    return new Map([...wanted].map(([name, keys]) => [name, [...keys]]))
  }

  /** @param entity absent where nothing is stored of it @param size characters of its record */
  loaded(name: string, key: string, entity?: HeldEntity, size = 0): void {
    const definition = this.#options.definitions.get(name)!
    const held = entity ?? { kind: 'loaded', record: newRecord(definition) }
    this.#book.set(name, key, held, { size, commit: 0 })
  }

  /** What else has to be read before these commands are folded: in their trails may stand one whose answer is forgotten. */
  unread(commands: readonly Command[]): UnreadTrail[] {
    const { definitions } = this.#options
    return this.#past.unread(
      commands.filter(({ id, entity }) => definitions.has(entity) && this.#answers.given(id) === undefined),
    )
  }

  read(unread: UnreadTrail, entries: readonly TrailEntry[]): void {
    this.#past.read(unread, entries)
  }

  answered(id: string, given: GivenAnswer): void {
    this.#answers.loaded(id, given, this.#stored)
  }

  /**
   * Takes at most `MAX_CHUNK` commands, whose needs are loaded. Nothing else MUST happen to this object until they are folded.
   */
  begin(commands: readonly Command[]): OpenChunk {
    const ids = new Set<string>()
    // Looked up before: what is ended in the middle must not leave anything of this object half done.
    const due = commands.map((command): Due | Handled => {
      if (ids.has(command.id) || this.#answers.given(command.id) !== undefined) return { kind: 'repeated', command }
      const due = this.#due(command)
      // One that is passed over leaves no answer to repeat.
      if (due.kind === 'due' || due.kind === 'refused') ids.add(command.id)
      return due
    })
    const { epoch } = this.#options
    const { body, results } = chunkOf(due, (one, overlay) => (one.kind === 'due' ? runDue(one, epoch, overlay) : one))
    const endless = () => (commands.length === 1 ? [this.#endless(commands[0]!)] : [])
    return { body, fold: (isOver, hasRoom) => this.#take(isOver ? results() : endless(), hasRoom) }
  }

  /** The same at once. @returns as `OpenChunk.fold` */
  fold(commands: readonly Command[], hasRoom: () => boolean = () => true): number {
    const { body, fold } = this.begin(commands)
    return fold(this.limited(body), hasRoom)
  }

  #take(handled: readonly Handled[], hasRoom: () => boolean): number {
    let count = 0
    for (const one of handled) {
      // What the others came to has changed nothing: they run again.
      if (count > 0 && !hasRoom()) break
      this.#apply(one)
      this.#answers.handled(one.command)
      count++
    }
    return count
  }

  /** Answers a command that cannot be run. Its needs are loaded. @returns false where it did not have to be run */
  bury(command: Command, cause: string): boolean {
    const due = this.#due(command)
    if (due.kind !== 'due' || this.#answers.given(command.id) !== undefined) {
      this.fold([command])
      return false
    }
    const { definition, held } = due
    this.#apply({ kind: 'run', command, definition, ...failed(definition, new Error(cause), held.record) })
    return true
  }

  /**
   * Folds events of topics, whose entities are loaded.
   *
   * @returns those from where they were ended by the time limit: each is to be folded alone, as with commands
   */
  foldEvents(events: readonly FoldedEvent[]): readonly FoldedEvent[] {
    for (let from = 0; from < events.length; from += MAX_CHUNK) {
      const chunk = events.slice(from, from + MAX_CHUNK)
      const runs = this.#runEvents(chunk)
      if (runs === undefined && chunk.length > 1) return events.slice(from)
      for (const [i, event] of chunk.entries()) this.#applyEvent(event, runs?.[i] ?? endlessOn(event))
    }
    return []
  }

  /**
   * Brings what is stored of some entities to what the definition makes of it. MUST be called with nothing uncommitted, with
   * what is stored then.
   *
   * @returns what came of it; `undefined` where they were ended by the time limit: each is to be looked at alone, as with commands
   */
  rebuild(name: string, entities: readonly FoundEntity[]): LookCounts | undefined {
    const { definitions, limited, now, incident } = this.#options
    const target: RebuildTarget = {
      ...{ limited, now, incident, builds: this.builds, changes: this.#changes },
      hold: (name, key, entity) => this.#book.set(name, key, entity, { size: 0, commit: this.#commit }),
    }
    return rebuildEntities(definitions.get(name)!, entities, target)
  }

  /** Gives up on a message that cannot arrive. Whether an earlier attempt has is not known any more. */
  giveUp({ number, message }: NumberedMessage): void {
    this.outbox.arrived(number)
    this.#tellSource(message, rejection('outcome_unknown'))
  }

  /** The operations of the next commit. @param isBehind whether further commands wait already: its answers say so */
  takeOperations(isBehind = false): CommitOperation[] {
    const operations = [
      ...this.#answers.rotate(this.#options.now()),
      ...this.builds.take(),
      ...this.#changes.take((name, key, record, size) =>
        this.#book.set(name, key, { kind: 'loaded', record }, { size, commit: this.#commit }),
      ),
      ...this.#answers.take(isBehind),
      ...this.outbox.take(),
    ]
    this.#commit++
    return operations
  }

  /** Everything taken so far is stored. */
  stored(): void {
    this.#stored = this.#commit - 1
  }

  /** Runs events; `undefined` where that did not end in time. */
  #runEvents(events: readonly FoldedEvent[]): readonly Run[] | undefined {
    const due = events.map((folded) => ({ folded, held: this.#book.get(folded.definition.name, folded.event.key) }))
    const { body, results } = chunkOf(due, ({ folded, held }, overlay) =>
      runOn(folded.definition, held, overlay, (before) => runEvent(folded, before)),
    )
    return this.limited(body) ? results() : undefined
  }

  #due(command: Command): Due | Handled {
    const { entity, key, storedAt, ageMs = 0, waitMs, isExcess } = command
    if (isExcess) return { kind: 'passed', command, code: 'overloaded' }
    if (this.#options.now() > storedAt + waitMs) return { kind: 'passed', command, code: 'expired' }
    const version = this.#past.versionOf(command)
    if (version !== undefined) return { kind: 'past', command, version }
    if (ageMs > 0 && this.#answers.generations.mayHaveForgotten(storedAt - ageMs)) {
      return { kind: 'passed', command, code: 'outcome_unknown' }
    }
    const definition = this.#options.definitions.get(entity)
    if (definition === undefined) return { kind: 'refused', command, code: 'unknown_entity' }
    return { kind: 'due', command, definition, held: this.#book.get(entity, key) }
  }

  #endless(command: Command): Handled {
    const definition = this.#options.definitions.get(command.entity)!
    const error = new Error(`${command.entity}.${command.command} did not return in time`)
    const { record } = this.#book.get(command.entity, command.key)
    return { kind: 'run', command, definition, ...failed(definition, error, record) }
  }

  #apply(handled: Handled): void {
    const { command } = handled
    switch (handled.kind) {
      case 'repeated': {
        const given = this.#answers.given(command.id)!
        const isSame = given.tag === command.checksum
        const outcome = isSame ? this.#outcomeNow(command, given.outcome) : rejection('conflict')
        if (!isSame) this.#tellSender(command, outcome)
        return this.#answer(command, outcome, false)
      }
      case 'passed': {
        const { code } = handled
        return this.#answer(command, code === 'overloaded' ? overloaded() : rejection(code), false)
      }
      case 'past': {
        const { version } = handled
        const outcome = { ...rejection('outcome_unknown', wasRun(version)), version, epoch: this.#options.epoch }
        return this.#answer(command, this.#outcomeNow(command, outcome), false)
      }
      case 'refused':
        this.#tellSender(command, rejection(handled.code))
        return this.#answer(command, rejection(handled.code), true)
      case 'run': {
        const { definition, before, effect } = handled
        if (effect.kind === 'erased') this.#erase(definition, before, effect)
        if (effect.kind === 'imported') this.#import(definition, before, effect)
        if (command.command === REBUILD) this.builds.restart(definition.name)
        if (effect.kind === 'done' && effect.entries.length > 0) {
          this.#change({ definition, key: command.key, before, effect, trace: command.trace })
        }
        const report = (error: unknown) => this.#options.incident(`command ${command.entity}.${command.command}`, error)
        const outcome = outcomeOf(effect, { before, epoch: this.#options.epoch, report })
        this.#tellSender(command, outcome)
        return this.#answer(command, outcome, true)
      }
    }
  }

  /** What was answered before, unless its entity was erased since. */
  #outcomeNow({ entity, key }: Command, outcome: CommandOutcome): CommandOutcome {
    const erased = this.#book.has(entity, key) ? this.#book.get(entity, key).record.erased : undefined
    return isAnswerOfBefore(outcome, erased) ? rejection('erased') : outcome
  }

  #applyEvent({ definition, topic, event }: FoldedEvent, { before, effect }: Run): void {
    if (effect.kind === 'rejected' || effect.kind === 'failed') {
      return this.#options.bury(definition.name, topic, event, causeOf(effect))
    }
    if (effect.kind === 'done' && effect.entries.length > 0) {
      this.#change({ definition, key: event.key, before, effect, trace: traceOf(event) })
    }
  }

  #change(decided: Decided): void {
    const { definition, key, effect, trace } = decided
    this.#changes.add(decided)
    this.outbox.add(effect.reactions, trace)
    this.#hold(definition, key, effect.record)
  }

  #erase(definition: EntityDefinition, before: EntityRecord, { key, record }: ErasedEffect): void {
    this.#changes.erase({ definition, key, before, record })
    this.#hold(definition, key, record)
  }

  #import(definition: EntityDefinition, before: EntityRecord, effect: ImportedEffect): void {
    this.#changes.import(definition, before, effect)
    this.#hold(definition, effect.key, effect.record)
  }

  #hold({ name }: EntityDefinition, key: string, record: EntityRecord): void {
    // Its text is known once it is written.
    this.#book.set(name, key, { kind: 'loaded', record }, { size: 0, commit: this.#commit })
  }

  #tellSender(command: Command, outcome: CommandOutcome): void {
    if (command.cause !== undefined) this.#tellSource(messageOf(command), outcome)
  }

  /** Tells the source of a reaction what became of it: in the commit of the answer, so once. */
  #tellSource({ id, key, body, trace }: Message, outcome: CommandOutcome): void {
    if (body.cause === undefined || body.command === OUTCOME_COMMAND) return
    this.outbox.add([outcomeMessage({ id, key, body }, outcome)], trace)
  }

  /** @param isNoted whether the command has this answer for good */
  #answer(command: Command, outcome: CommandOutcome, isNoted: boolean): void {
    this.#answers.add(command, outcome, isNoted, this.#commit)
  }
}

function runDue(due: Due, epoch: string, overlay: Overlay): Handled {
  const { command, definition } = due
  const { before, effect } = runOf(due, epoch, overlay)
  return { kind: 'run', command, definition, before, effect }
}

function runOf({ command, definition, held }: Due, epoch: string, overlay: Overlay): Run {
  switch (command.command) {
    case ERASE:
      return runAnyhow(held, overlay, (before) => erase(definition, before, command))
    case REBUILD:
      return runAnyhow(held, overlay, unchanged)
    case IMPORT:
      return runOn(definition, held, overlay, (before) => importPiece(definition, before, command))
    default:
      return runOn(definition, held, overlay, (before) =>
        isOfBefore(command, before.erased) ? refused('erased') : runCommand(definition, epoch, before, command),
      )
  }
}

function messageOf({ id, key, storedAt: _, isExcess: __, trace, ...body }: Command): Message {
  return { id, key, body, trace }
}

function causeOf(effect: Extract<Effect, { kind: 'rejected' | 'failed' }>): string {
  if (effect.kind === 'rejected') return effect.message
  return effect.error instanceof Error ? effect.error.message : String(effect.error)
}

function endlessOn({ definition, topic }: FoldedEvent): Run {
  return failed(definition, new Error(`on[${JSON.stringify(topic)}] did not return in time`))
}

function wasRun(version: number): string {
  return `It was run: its last event made version ${version}. What it was answered is no longer known.`
}
