import { type Bus, type Entities, partitionOf } from '../bus/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { decodeTrailEntry, type EntityRecord, type ExpectedVersion, eventsOf } from '../entities/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { EntityCode } from './entity-code.ts'
import { type HistoryEvent, shownHistory } from './entity-history.ts'
import { QueryError } from './query-error.ts'
import { type StoredTrail, storedTrail } from './stored-trail.ts'

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

/** Reads one entity from what is stored, in the gateway: its owner is not asked. */
export class EntityReader {
  readonly #bus: Bus
  readonly #definition: EntityDefinition
  readonly #code: EntityCode

  constructor(bus: Bus, definition: EntityDefinition, report: ReportDefect) {
    this.#bus = bus
    this.#definition = definition
    this.#code = new EntityCode(definition, report)
  }

  /** @returns `undefined` while it has not reached `minVersion` @throws QueryError, BusUnavailable */
  read(key: string, moment: EntityMoment): Promise<EntityAnswer | undefined> {
    return this.#code.guard(() => this.#read(key, moment))
  }

  async #read(key: string, moment: EntityMoment): Promise<EntityAnswer | undefined> {
    const partition = partitionOf(key, this.#bus.partitions)
    const entities = this.#bus.entities(partition, 'query')
    // Sent in this order.
    const [{ epoch }, stored] = await Promise.all([
      this.#bus.log(partition, 'query').version(),
      this.#stored(entities, key),
    ])
    const { minVersion } = moment
    if (minVersion?.epoch !== undefined && minVersion.epoch !== epoch) {
      throw new QueryError('epoch_changed', `The log of this entity has another epoch now: ${epoch}.`)
    }
    if (stored.version < (minVersion?.version ?? 0)) return undefined
    const record =
      this.#newest(stored, moment) ??
      (await this.#steadily(entities, key, (steady) => this.#recordAt(entities, key, steady, moment)))
    if (eventsOf(record) === 0) throw noSuchKey(this.#definition.name)
    const view = await this.#code.view(key, record)
    return { key, version: record.version, epoch, time: record.time, view }
  }

  /** The stored record, where it is the one that is asked for. */
  #newest({ record, version: newest }: StoredTrail, { version, at }: EntityMoment): EntityRecord | undefined {
    const isAsked = at === undefined ? (version ?? newest) === newest : (record?.time ?? Number.POSITIVE_INFINITY) <= at
    // Of an earlier definition, or of a trail without a state.
    const isUsable = record?.version === newest && record.definition === this.#definition.version
    return isAsked && isUsable ? record : undefined
  }

  async #recordAt(
    entities: Entities,
    key: string,
    stored: StoredTrail,
    { version, at }: EntityMoment,
  ): Promise<EntityRecord> {
    if (version !== undefined && version > stored.version) {
      throw new QueryError('not_found', `It has only ${stored.version} versions.`)
    }
    const base = stored.record?.base
    if (base !== undefined && ((version ?? base.version) < base.version || (at ?? base.time) < base.time)) {
      if (stored.record?.erased?.version === base.version) throw new QueryError('erased')
      throw new QueryError('trimmed', `Its history begins with version ${base.version}, of ${base.time}.`)
    }
    return this.#fold(entities, key, stored, version ?? stored.version, at ?? Number.POSITIVE_INFINITY)
  }

  /** The record of the first events of a trail: up to `version`, and none later than `at`. */
  #fold(
    entities: Entities,
    key: string,
    { record, cut }: StoredTrail,
    version: number,
    at: number,
  ): Promise<EntityRecord> {
    const read = async (from: number, to: number) => {
      const entries = await entities.trail(this.#definition.name, key, from, to)
      return entries.map(decodeTrailEntry).filter(({ time }) => time <= at)
    }
    return this.#code.fold(key, { record, end: version - cut, read })
  }

  /** Events after a version, oldest first, as far as they are kept. @throws QueryError, BusUnavailable */
  history(key: string, after: number, limit: number): Promise<{ events: HistoryEvent[]; next?: number }> {
    const entities = this.#bus.entities(partitionOf(key, this.#bus.partitions), 'query')
    return this.#code.guard(() =>
      this.#steadily(entities, key, async ({ record, version, cut }) => {
        if (version === 0 || record?.erased?.version === version) {
          throw noSuchKey(this.#definition.name)
        }
        const first = Math.max(after, cut)
        const range = { after: first, upTo: Math.min(version, first + limit) }
        const events = await shownHistory(this.#definition, this.#code, key, range, async (from, to) => {
          const items = await entities.trail(this.#definition.name, key, from - cut, to - cut)
          return items.map((item, i) => ({
            ...{ version: from + i + 1, entry: decodeTrailEntry(item) },
            bytes: Buffer.byteLength(item),
          }))
        })
        const read = first + events.length
        return read < version ? { events, next: read } : { events }
      }),
    )
  }

  /** Reads by place in a trail. Where that was cut meanwhile, its places have moved: it is read again. */
  async #steadily<Result>(
    entities: Entities,
    key: string,
    read: (stored: StoredTrail) => Promise<Result>,
  ): Promise<Result> {
    for (;;) {
      const stored = await this.#stored(entities, key)
      const result = await settled(read(stored))
      if ((await this.#stored(entities, key)).cut === stored.cut) return result()
    }
  }

  #stored(entities: Entities, key: string): Promise<StoredTrail> {
    return storedTrail(entities, this.#definition.name, key)
  }
}

export function noSuchKey(entity: string): QueryError {
  return new QueryError('not_found', `No ${entity} has this key.`)
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
