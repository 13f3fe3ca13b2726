import {
  ANSWERS_HASH,
  ANSWERS_PREVIOUS_HASH,
  type CommitOperation,
  encodeEvent,
  entityHash,
  indexSet,
  type StoredEvent,
  trailList,
} from '../bus/index.ts'
import type { EntityDefinition } from '../config/entity-model.ts'
import { AnswerGenerations, type StoredGenerations } from './answer-generations.ts'
import { AnswerLog } from './answer-log.ts'
import type { Command, CommandCode, CommandOutcome } from './command.ts'
import { EntityBook, type HeldEntity, placeOf } from './entity-book.ts'
import { type EntityRecord, encodeRecord, type TrailEntry } from './entity-record.ts'
import { newRecord } from './fold-events.ts'
import { outcomeOf, rejection } from './outcome.ts'
import { type Effect, runCommand } from './run-command.ts'

/** Commands that run under one time limit: setting it costs more than most of them take. */
export const MAX_CHUNK = 64
/** Records in memory, of one partition. */
const DEFAULT_BUDGET = 16 * 1_024 * 1_024

export interface EntityFoldOptions {
  readonly definitions: ReadonlyMap<string, EntityDefinition>
  /** Of the log that the commands are of. */
  readonly epoch: string
  /** Redis' clock, ms. */
  readonly now: () => number
  /** Runs it under a time limit, perhaps more than once. @returns false where it was ended: nothing of it counts */
  readonly limited: (body: () => void) => boolean
  /** Notes a failure of the application's code. @returns the id under which the log has it */
  readonly incident: (what: string, error: unknown) => string
  readonly generations?: StoredGenerations | undefined
  /** Puts an event into a topic that an entity publishes. @param isLatest of its key */
  readonly publish: (topic: string, event: StoredEvent, isLatest: boolean) => void
  /** Characters of records in memory. */
  readonly budget?: number
}

/** An answer that was given before. */
export interface GivenAnswer {
  /** Checksum of the command that it is the answer of. */
  readonly tag: string
  readonly outcome: CommandOutcome
}

/** What became of one command of a chunk. */
type Handled = { readonly command: Command } & (
  | {
      readonly kind: 'run'
      readonly definition: EntityDefinition
      readonly before: EntityRecord
      readonly effect: Effect
    }
  /** Its id has an answer, or gets one earlier in the chunk. */
  | { readonly kind: 'repeated' }
  /** It was not run, and may be answered in another way next time. */
  | { readonly kind: 'passed'; readonly code: CommandCode }
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

/** What is to be written of one entity with the next commit. */
interface Change {
  readonly name: string
  readonly key: string
  /** As stored before. */
  readonly before: EntityRecord
  record: EntityRecord
  /** What others see of it, where somebody may. */
  view: unknown
  readonly trail: string[]
}

/**
 * The entities of a partition: commands go in, operations of a commit come out. Everything a chunk of commands touches is
 * loaded before: `needs` says what. What it holds runs ahead of what is stored by at most one commit.
 */
export class EntityFold {
  readonly #options: EntityFoldOptions
  readonly #book: EntityBook
  readonly #generations: AnswerGenerations
  /** Answers of commits that were not stored when what is loaded now was read, and those that were loaded. */
  readonly #given = new Map<string, GivenAnswer & { readonly commit: number }>()
  readonly #answers = new AnswerLog()
  readonly #changes = new Map<string, Change>()
  #writes = 0
  /** Number of the commit that is being collected, and of the last one that is stored. */
  #commit = 1
  #stored = 0

  constructor(options: EntityFoldOptions) {
    this.#options = options
    this.#book = new EntityBook(options.budget ?? DEFAULT_BUDGET)
    this.#generations = new AnswerGenerations(options.generations)
  }

  get generations(): StoredGenerations {
    return this.#generations.stored
  }

  /** Writes of the next commit. */
  get writes(): number {
    return this.#writes
  }

  /** Characters of its answers. */
  get size(): number {
    return this.#answers.size
  }

  get isDirty(): boolean {
    return this.#writes > 0
  }

  /**
   * Forgets what it need not hold, and says what has to be loaded before these commands are folded. Nothing MUST be loaded from
   * an earlier look: an answer that was stored meanwhile is known to that look no more than to this object.
   */
  needs(commands: readonly Command[]): {
    readonly entities: ReadonlyMap<string, readonly string[]>
    readonly ids: string[]
  } {
    for (const [id, { commit }] of this.#given) if (commit <= this.#stored) this.#given.delete(id)
    this.#book.evict(this.#stored)
    const entities = new Map<string, Set<string>>()
    for (const { entity, key } of commands) {
      if (!this.#options.definitions.has(entity) || this.#book.has(entity, key)) continue
      const wanted = entities.get(entity)
      if (wanted === undefined) entities.set(entity, new Set([key]))
      else wanted.add(key)
    }
    const ids = [...new Set(commands.flatMap(({ id }) => (this.#given.has(id) ? [] : [id])))]
    return { entities: new Map([...entities].map(([name, wanted]) => [name, [...wanted]])), ids }
  }

  /** @param entity absent where nothing is stored of it @param size characters of its record */
  loaded(name: string, key: string, entity?: HeldEntity, size = 0): void {
    const definition = this.#options.definitions.get(name)!
    const held = entity ?? { kind: 'loaded', record: newRecord(definition) }
    this.#book.set(name, key, held, { size, commit: 0 })
  }

  answered(id: string, given: GivenAnswer): void {
    // Of a stored commit: forgotten with the next look.
    this.#given.set(id, { ...given, commit: this.#stored })
  }

  /** Folds at most `MAX_CHUNK` commands, whose needs are loaded. */
  fold(commands: readonly Command[]): void {
    const handled = this.#run(commands)
    if (handled !== undefined) {
      for (const one of handled) this.#apply(one)
      return
    }
    // One of them does not return. Alone, each counts on its own.
    for (const command of commands) {
      const alone = this.#run([command]) ?? [this.#endless(command)]
      this.#apply(alone[0]!)
    }
  }

  /** Answers a command that cannot be run. Its needs are loaded. */
  bury(command: Command, cause: string): void {
    const due = this.#due(command)
    if (due.kind !== 'due' || this.#given.has(command.id)) return this.fold([command])
    const before = due.held.kind === 'loaded' ? due.held.record : newRecord(due.definition)
    const effect = { kind: 'failed', error: new Error(cause) } as const
    this.#apply({ kind: 'run', command, definition: due.definition, before, effect })
  }

  /** The operations of the next commit. */
  takeOperations(): CommitOperation[] {
    const operations: CommitOperation[] = this.#generations.rotate(this.#options.now()) ? [ROTATE] : []
    const states = new Map<string, [string, string][]>()
    for (const change of this.#changes.values()) {
      const { name, key, before, record, view, trail } = change
      if (view !== undefined) this.#publishState(name, key, record, view)
      const text = encodeRecord(record)
      const fields = states.get(name)
      if (fields === undefined) states.set(name, [[key, text]])
      else fields.push([key, text])
      operations.push({ op: 'push', list: trailList(name, key), base: before.version, items: trail })
      operations.push(...indexChanges(change))
      this.#book.set(name, key, { kind: 'loaded', record }, { size: text.length, commit: this.#commit })
    }
    for (const [name, fields] of states) operations.push({ op: 'set', hash: entityHash(name), fields })
    operations.push(...this.#answers.take())
    this.#changes.clear()
    this.#writes = 0
    this.#commit++
    return operations
  }

  /** Everything taken so far is stored. */
  stored(): void {
    this.#stored = this.#commit - 1
  }

  /** Runs commands one after the other, each on what the ones before made of it; `undefined` where that did not end in time. */
  #run(commands: readonly Command[]): Handled[] | undefined {
    const ids = new Set<string>()
    // Looked up before: what is ended in the middle must not leave anything of this object half done.
    const due = commands.map((command): Due | Handled => {
      const isRepeated = ids.has(command.id) || this.#given.has(command.id)
      ids.add(command.id)
      return isRepeated ? { kind: 'repeated', command } : this.#due(command)
    })
    let handled: Handled[] = []
    const isOver = this.#options.limited(() => {
      const overlay = new Map<HeldEntity, EntityRecord>()
      handled = []
      for (const one of due) handled.push(one.kind === 'due' ? runDue(one, this.#options.epoch, overlay) : one)
    })
    return isOver ? handled : undefined
  }

  #due(command: Command): Due | Handled {
    const { entity, key, storedAt, ageMs = 0, waitMs } = command
    if (this.#options.now() > storedAt + waitMs) return { kind: 'passed', command, code: 'expired' }
    if (ageMs > 0 && this.#generations.mayHaveForgotten(storedAt - ageMs)) {
      return { kind: 'passed', command, code: 'outcome_unknown' }
    }
    const definition = this.#options.definitions.get(entity)
    if (definition === undefined) return { kind: 'refused', command, code: 'unknown_entity' }
    return { kind: 'due', command, definition, held: this.#book.get(entity, key) }
  }

  #endless(command: Command): Handled {
    const definition = this.#options.definitions.get(command.entity)!
    const effect = {
      kind: 'failed',
      error: new Error(`${command.entity}.${command.command} did not return in time`),
    } as const
    return { kind: 'run', command, definition, before: newRecord(definition), effect }
  }

  #apply(handled: Handled): void {
    const { command } = handled
    switch (handled.kind) {
      case 'repeated': {
        const given = this.#given.get(command.id)!
        const isSame = given.tag === command.checksum
        return this.#answer(command, isSame ? given.outcome : rejection('conflict'), false)
      }
      case 'passed':
        return this.#answer(command, rejection(handled.code), false)
      case 'refused':
        return this.#answer(command, rejection(handled.code), true)
      case 'run': {
        const { definition, before, effect } = handled
        if (effect.kind === 'done' && effect.entries.length > 0) this.#change(command, before, effect, definition)
        const report = (error: unknown) => this.#options.incident(`command ${command.entity}.${command.command}`, error)
        const outcome = outcomeOf(effect, { definition, before, epoch: this.#options.epoch, report })
        return this.#answer(command, outcome, true)
      }
    }
  }

  #change(
    { entity: name, key }: Command,
    before: EntityRecord,
    { record, stored, view, entries }: Extract<Effect, { kind: 'done' }>,
    definition: EntityDefinition,
  ): void {
    const place = placeOf(name, key)
    const known = this.#changes.get(place)
    if (known === undefined) {
      this.#changes.set(place, { name, key, before, record, view, trail: [...stored] })
      this.#writes += WRITES_PER_ENTITY
    } else {
      known.record = record
      known.view = view
      known.trail.push(...stored)
    }
    this.#writes += stored.length
    if (definition.publishes.has('events')) this.#publishEvents(definition, key, before.version, entries)
    // Its text is known once it is written.
    this.#book.set(name, key, { kind: 'loaded', record }, { size: 0, commit: this.#commit })
  }

  /** Once a commit, however often it changed: who wants every step follows the events. */
  #publishState(name: string, key: string, { version, time }: EntityRecord, state: unknown): void {
    const json = encodeEvent(`${version}`, key, time, undefined, JSON.stringify({ version, state }))
    this.#options.publish(`${name}.state`, { key, lane: 'normal', time, json }, true)
  }

  #publishEvents({ name, view }: EntityDefinition, key: string, before: number, entries: readonly TrailEntry[]): void {
    for (const [i, { type, data, time, commandId }] of entries.entries()) {
      const version = before + i + 1
      const shown = { type, version, commandId, ...(view === undefined && { data }) }
      const json = encodeEvent(`${commandId}.${i}`, key, time, undefined, JSON.stringify(shown))
      this.#options.publish(`${name}.events`, { key, lane: 'normal', time, json }, false)
    }
  }

  /** @param isNoted whether the command has this answer for good */
  #answer(command: Command, outcome: CommandOutcome, isNoted: boolean): void {
    this.#answers.add(command, outcome, isNoted)
    this.#writes += isNoted ? 2 : 1
    if (!isNoted) return
    this.#given.set(command.id, { tag: command.checksum, outcome, commit: this.#commit })
    this.#generations.added(command.id, command.checksum)
  }
}

/** @param overlay what the chunk has made of entities so far */
function runDue({ command, definition, held }: Due, epoch: string, overlay: Map<HeldEntity, EntityRecord>): Handled {
  if (held.kind === 'broken') {
    const effect = { kind: 'failed', error: held.error } as const
    return { kind: 'run', command, definition, before: newRecord(definition), effect }
  }
  const before = overlay.get(held) ?? held.record
  const effect = runCommand(definition, epoch, before, command)
  if (effect.kind === 'done') overlay.set(held, effect.record)
  return { kind: 'run', command, definition, before, effect }
}

/** A state, and what is looked up by index. */
const WRITES_PER_ENTITY = 3

const ROTATE: CommitOperation = { op: 'rename', from: ANSWERS_HASH, to: ANSWERS_PREVIOUS_HASH }

/** What changes in the indexes of an entity. */
function indexChanges({ name, key, before, record }: Change): CommitOperation[] {
  const indexes = new Set([...Object.keys(before.indexed), ...Object.keys(record.indexed)])
  return [...indexes].flatMap((index) => {
    const [old, now] = [before.indexed[index], record.indexed[index]]
    if (old === now) return []
    const members = (value: string | undefined) => (value === undefined ? [] : [`${value}\0${key}`])
    return [{ op: 'index', index: indexSet(name, index), add: members(now), remove: members(old) } as const]
  })
}
