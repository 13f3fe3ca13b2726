import { type Bus, type Entities, partitionOf } from '../bus/index.ts'
import type { EntityDefinition } from '../config/entity-model.ts'
import {
  beginOf,
  cutOf,
  decodeRecord,
  decodeTrailEntry,
  type EntityRecord,
  type ExpectedVersion,
  foldEvent,
  presentData,
  shownEvent,
  type TrailCause,
  type TrailEntry,
  viewOf,
} from '../entities/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { withinTimeLimit } from '../time-limit.ts'
import { QueryError } from './query-error.ts'

/** Events of a trail that are folded before others get their turn. */
const FOLD_COUNT = 500

/** Which version of an entity is asked for; absent: the newest. */
export interface EntityMoment {
  readonly version?: number | undefined
  /** The version as of this event time, ms since 1970. */
  readonly at?: number | undefined
  /** The least version that is of use: of one's own command, most likely. */
  readonly minVersion?: ExpectedVersion | undefined
}

export interface EntityAnswer {
  readonly key: string
  readonly version: number
  readonly epoch: string
  /** Time of the newest event in it, ms since 1970. */
  readonly time: number
  readonly view: unknown
}

/** What is stored of an entity. */
interface Trail {
  readonly record: EntityRecord | undefined
  /** Events that were cut off its beginning. */
  readonly cut: number
  /** Events that it has had. */
  readonly version: number
}

/** Reads one entity from what is stored, in the gateway: its owner is not asked. */
export class EntityReader {
  readonly #bus: Bus
  readonly #definition: EntityDefinition
  readonly #report: ReportDefect

  constructor(bus: Bus, definition: EntityDefinition, report: ReportDefect) {
    this.#bus = bus
    this.#definition = definition
    this.#report = report
  }

  /** @returns `undefined` while it has not reached `minVersion` @throws QueryError, BusUnavailable */
  async read(key: string, moment: EntityMoment): Promise<EntityAnswer | undefined> {
    const partition = partitionOf(key, this.#bus.partitions)
    const entities = this.#bus.entities(partition, 'query')
    const { epoch } = await this.#bus.log(partition, 'query').version()
    const { minVersion } = moment
    if (minVersion?.epoch !== undefined && minVersion.epoch !== epoch) {
      throw new QueryError('epoch_changed', `The log of this entity has another epoch now: ${epoch}.`)
    }
    const record = await this.#steadily(entities, key, async (stored) =>
      stored.version < (minVersion?.version ?? 0) ? undefined : this.#recordAt(entities, key, stored, moment),
    )
    if (record === undefined) return undefined
    if (record.version === 0) throw new QueryError('not_found', `No ${this.#definition.name} has this key.`)
    const view = this.#run(() => viewOf(this.#definition, record.state))
    return { key, version: record.version, epoch, time: record.time, view }
  }

  async #recordAt(entities: Entities, key: string, stored: Trail, moment: EntityMoment): Promise<EntityRecord> {
    const { version, at } = moment
    const newest = stored.record
    const isNewest =
      at === undefined
        ? (version ?? stored.version) === stored.version
        : (newest?.time ?? Number.POSITIVE_INFINITY) <= at
    // Of an earlier definition, or of a trail without a state.
    const isUsable = newest?.version === stored.version && newest.definition === this.#definition.version
    if (isNewest && isUsable) return newest
    if (version !== undefined && version > stored.version) {
      throw new QueryError('not_found', `It has only ${stored.version} versions.`)
    }
    const base = newest?.base
    if (base !== undefined && ((version ?? base.version) < base.version || (at ?? base.time) < base.time)) {
      throw new QueryError('trimmed', `Its history begins with version ${base.version}, of ${base.time}.`)
    }
    return this.#fold(entities, key, stored, version ?? stored.version, at ?? Number.POSITIVE_INFINITY)
  }

  /** The record of the first events of a trail: up to `version`, and none later than `at`. */
  async #fold(entities: Entities, key: string, { record: newest, cut }: Trail, version: number, at: number) {
    let record = this.#run(() => beginOf(this.#definition, newest))
    const end = version - cut
    for (let from = 0; from < end; from += FOLD_COUNT) {
      const page = await entities.trail(this.#definition.name, key, from, Math.min(end, from + FOLD_COUNT))
      const entries = page.map(decodeTrailEntry).filter(({ time }) => time <= at)
      record = this.#run(() =>
        entries.reduce((before, entry) => foldEvent(this.#definition, key, before, entry), record),
      )
      if (entries.length < FOLD_COUNT) break
    }
    return record
  }

  /** Events after a version, oldest first, as far as they are kept. @throws QueryError, BusUnavailable */
  async history(key: string, after: number, limit: number): Promise<{ events: HistoryEvent[]; next?: number }> {
    const entities = this.#bus.entities(partitionOf(key, this.#bus.partitions), 'query')
    return this.#steadily(entities, key, async ({ version, cut }) => {
      if (version === 0) throw new QueryError('not_found', `No ${this.#definition.name} has this key.`)
      const first = Math.max(after, cut)
      const items = await entities.trail(
        this.#definition.name,
        key,
        first - cut,
        Math.min(version, first + limit) - cut,
      )
      const entries = items.map(decodeTrailEntry)
      const events = this.#run(() => entries.map((entry, i) => this.#historyEvent(first + i + 1, entry)))
      const read = first + events.length
      return read < version ? { events, next: read } : { events }
    })
  }

  /** Reads by place in a trail. Where that was cut meanwhile, its places have moved: it is read again. */
  async #steadily<Result>(entities: Entities, key: string, read: (stored: Trail) => Promise<Result>): Promise<Result> {
    for (;;) {
      const stored = await this.#stored(entities, key)
      const result = await settled(read(stored))
      const isSteady = this.#definition.history === undefined || (await this.#stored(entities, key)).cut === stored.cut
      if (isSteady) return result()
    }
  }

  async #stored(entities: Entities, key: string): Promise<Trail> {
    const [stored] = await entities.load(this.#definition.name, [key])
    const record = stored!.record === undefined ? undefined : decodeRecord(stored!.record)
    const cut = cutOf(record)
    return { record, cut, version: cut + stored!.length }
  }

  #historyEvent(version: number, entry: TrailEntry): HistoryEvent {
    const { type, time, commandId, definition, cause } = entry
    const isCauseShown = cause !== undefined && this.#definition.view === undefined
    // The trail is shown as it is stored; `public` knows only the present version.
    const data = this.#definition.publicOf === undefined ? entry.data : presentData(this.#definition, entry)
    const shown = shownEvent(this.#definition, type, data)
    return { version, time, commandId, definition, ...(isCauseShown && { cause }), ...shown }
  }

  /** Runs code of the application. @throws QueryError `internal` */
  #run<Result>(body: () => Result): Result {
    let result: { readonly value: Result } | undefined
    try {
      const isOver = withinTimeLimit(() => {
        result = { value: body() }
      })
      if (!isOver || result === undefined) throw new Error('it did not return in time')
      return result.value
    } catch (error) {
      const id = this.#report(`a query of ${this.#definition.name}`, error)
      throw new QueryError(
        'internal',
        `The code of ${this.#definition.name} failed. The log of the gateway has the cause under ${id}.`,
      )
    }
  }
}

/** One line of an entity's audit log. */
export interface HistoryEvent {
  /** Of the entity with this event. */
  readonly version: number
  readonly type: string
  /** ms since 1970. */
  readonly time: number
  /** The command that it follows from. */
  readonly commandId: string
  /** The event that the command follows from; absent where a client sent it, and where the entity has a `view`. */
  readonly cause?: TrailCause
  /** Version of the definition that decided it. */
  readonly definition: number
  /** What the entity shows of them: see `shownEvent`. */
  readonly data?: unknown
}

/** How a call ended, to be taken up later. */
async function settled<Result>(call: Promise<Result>): Promise<() => Result> {
  try {
    const result = await call
    return () => result
  } catch (error) {
    return () => {
      throw error
    }
  }
}
