import { setTimeout as sleep } from 'node:timers/promises'
import {
  allowsKey,
  hiddenOfEvents,
  hiddenOfView,
  type Rights,
  removeHidden,
  type Sight,
  shownCopy,
} from '../access/index.ts'
import type { Bus, Entities, IndexedPage } from '../bus/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import type { Contract } from '../config/contract/model.ts'
import { type Built, buildOf, type ExpectedVersion, isFindable, parseVersion } from '../entities/index.ts'
import type { Reader } from '../limits/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { quoted } from '../quoted.ts'
import { allowedPage } from './allowed-page.ts'
import { MAX_ANSWER_EVENTS } from './answer-size.ts'
import type { HistoryEvent } from './entity-history.ts'
import { describeEntities, type EntityDescription } from './entity-list.ts'
import { type EntityAnswer, type EntityMoment, EntityReader, noSuchKey } from './entity-reader.ts'
import { limitOf, optionalNumber, optionalText, optionalTime, type Params, text } from './params.ts'
import { QueryError } from './query-error.ts'

/** Entities of an index that an answer holds at most: each is a read of its own. */
const MAX_FOUND = 100
/** How long a reader waits for a version that is not there yet, ms, and how often it looks. */
const MAX_WAIT_MS = 2_000
const WAIT_STEP_MS = 20

/** What it costs to read, fold and show an event of a trail, in bytes read. */
const EVENT_BYTES = 1_024

/** Runs what reads Redis when it is its turn. */
export type InTurn = <Result>(query: () => Promise<Result>) => Promise<Result>

/** By name of the entity. */
export type EntityReaders = ReadonlyMap<string, EntityReader>

export function entityReaders(bus: Bus, contract: Contract, report: ReportDefect): EntityReaders {
  return new Map([...contract.entities].map(([name, definition]) => [name, new EntityReader(bus, definition, report)]))
}

interface Search {
  readonly name: string
  readonly index: string
  readonly value: string
  readonly limit: number
}

/** Where a page of an index begins; the key is exclusive. */
interface Place {
  readonly partition: number
  readonly key: string | undefined
}

/** An entity of a page on which code of the application failed. */
export interface FailedEntity {
  readonly key: string
  /** That it failed, and under which id the log has the cause. */
  readonly failed: string
}

export interface FoundPage {
  readonly entities: readonly (EntityAnswer | FailedEntity)[]
  /** `after` of the next page; absent at the end. */
  readonly next?: string
}

/** What one caller asks about entities. Parameters and rights are checked before Redis is asked. */
export class EntityQueries {
  readonly #bus: Bus
  readonly #contract: Contract
  readonly #rights: Rights
  readonly #reader: Reader
  readonly #readers: EntityReaders
  readonly #inTurn: InTurn

  constructor(bus: Bus, contract: Contract, rights: Rights, reader: Reader, readers: EntityReaders, inTurn: InTurn) {
    this.#reader = reader
    this.#bus = bus
    this.#contract = contract
    this.#rights = rights
    this.#readers = readers
    this.#inTurn = inTurn
  }

  /** The entities of which something is there for the caller. */
  list(): readonly EntityDescription[] {
    return describeEntities(this.#contract, this.#rights)
  }

  /** One entity: now, at a version, or at a time. @throws QueryError, BusUnavailable */
  async entity(params: Params): Promise<EntityAnswer> {
    const { name } = this.#definition(params)
    const key = this.#key(params, name)
    const version = optionalNumber(params, 'version', 0)
    const at = optionalTime(params, 'at')
    if (version !== undefined && at !== undefined) {
      throw new QueryError('invalid_frame', 'version and at name two moments; leave one out')
    }
    const moment: EntityMoment = { version, at, minVersion: minVersionOf(params) }
    const deadline = performance.now() + MAX_WAIT_MS
    for (;;) {
      this.#reader.chargeRead(0, true)
      const answer = await this.#inTurn(() => this.#readers.get(name)!.read(key, moment))
      if (answer !== undefined) return this.#shown(name, answer)
      if (performance.now() > deadline) {
        throw new QueryError('unavailable', `The entity did not reach minVersion in ${MAX_WAIT_MS} ms. Ask again.`)
      }
      await sleep(WAIT_STEP_MS)
    }
  }

  /** The events of one entity, oldest first. @throws QueryError, BusUnavailable */
  async history(params: Params): Promise<{ readonly events: readonly HistoryEvent[]; readonly next?: number }> {
    const { name } = this.#definition(params)
    const key = this.#key(params, name)
    const after = optionalNumber(params, 'after', 0) ?? 0
    const limit = limitOf(params, MAX_ANSWER_EVENTS)
    const page = await this.#inTurn(() => this.#readers.get(name)!.history(key, after, limit))
    this.#reader.chargeRead(page.events.length * EVENT_BYTES, true)
    const sight = this.#rights.sight('query', name, hiddenOfEvents(name))
    if (sight !== undefined) for (const event of page.events) removeHidden(event, sight.of(key))
    return page
  }

  /** Entities that have a value in an index, over all partitions. @throws QueryError, BusUnavailable */
  async find(params: Params): Promise<FoundPage> {
    const { name, indexes: declared } = this.#definition(params)
    // An index may be made of anything in the state: what it finds would tell what is hidden.
    const indexes = this.#sight(name) === undefined ? declared : new Map()
    const index = text(params, 'index')
    if (!indexes.has(index)) {
      const known = [...indexes.keys()].join(', ') || 'none'
      throw new QueryError('invalid_frame', `index: ${name} has no index ${quoted(index)}; its indexes: ${known}`)
    }
    const value = text(params, 'value')
    if (value.includes('\0')) throw new QueryError('invalid_frame', 'value: no index holds \\0')
    const limit = limitOf(params, MAX_FOUND)
    const from = placeOf(optionalText(params, 'after'), this.#bus.partitions)
    const page = await this.#inTurn(() => this.#find({ name, index, value, limit }, from))
    for (const _ of page.entities) this.#reader.chargeRead(0, true)
    return page
  }

  async #find({ name, index, value, limit }: Search, from: Place): Promise<FoundPage> {
    const pages: Promise<IndexedPage>[] = []
    for (let partition = from.partition; partition < this.#bus.partitions; partition++) {
      const stored = this.#bus.entities(partition, 'query')
      const indexed = (after: string | undefined, count: number) =>
        this.#indexed(stored, { name, index, value }, { count, ...(after !== undefined && { after }) })
      const begin = partition === from.partition ? from.key : undefined
      const page = allowedPage(indexed, this.#rights.keys('query', name), begin, limit)
      // One that is not needed may fail.
      page.catch(() => {})
      pages.push(page)
    }
    const { keys, next } = await firstKeys(pages, limit, from.partition)
    const entities = await this.#readAll(name, keys)
    return next === undefined ? { entities } : { entities, next }
  }

  /** A page of an index that was complete before it was read and after, by what this config says. @throws QueryError `rebuilding` */
  async #indexed(
    entities: Entities,
    { name, index, value }: Omit<Search, 'limit'>,
    options: { readonly after?: string; readonly count: number },
  ): Promise<IndexedPage> {
    // Sent in this order.
    const [before, page, after, count] = await Promise.all([
      entities.built(name),
      entities.indexed(name, index, value, options),
      entities.built(name),
      entities.count(name),
    ])
    const build = buildOf(this.#contract.entities.get(name)!)
    const built = [before, after].map((text) => (text === undefined ? undefined : (JSON.parse(text) as Built)))
    const isComplete = built.every((each) => isFindable(each, build)) && built[0]?.run === built[1]?.run
    // Where there are no entities none is missing, whatever an owner has noted.
    if (isComplete || count === 0) return page
    throw new QueryError('rebuilding')
  }

  async #readAll(name: string, keys: readonly string[]): Promise<FoundPage['entities'][number][]> {
    const read = await Promise.all(keys.map((key) => this.#readIfThere(name, key)))
    return read.filter((answer) => answer !== undefined)
  }

  /** @returns `undefined` for one that was erased since the index was read */
  async #readIfThere(name: string, key: string): Promise<FoundPage['entities'][number] | undefined> {
    try {
      return await this.#readers.get(name)!.read(key, {})
    } catch (error) {
      if (error instanceof QueryError && error.code === 'not_found') return undefined
      if (error instanceof QueryError && error.code === 'internal') return { key, failed: error.message }
      throw error
    }
  }

  #sight(name: string): Sight | undefined {
    return this.#rights.sight('query', name, hiddenOfView(name))
  }

  #shown(name: string, answer: EntityAnswer): EntityAnswer {
    const sight = this.#sight(name)
    return sight === undefined ? answer : { ...answer, view: shownCopy(answer.view, sight.of(answer.key)) }
  }

  #definition(params: Params): EntityDefinition {
    const name = text(params, 'name')
    const definition = this.#contract.entities.get(name)
    if (definition === undefined || !this.#rights.covers('query', name))
      throw new QueryError('not_found', `No entity ${quoted(name)}. GET /v1/entities lists them.`)
    return definition
  }

  /** One that the caller may not see is not there. */
  #key(params: Params, name: string): string {
    const key = text(params, 'key')
    if (allowsKey(this.#rights.keys('query', name), key)) return key
    throw noSuchKey(name)
  }
}

function minVersionOf({ minVersion }: Params): ExpectedVersion | undefined {
  if (minVersion === undefined) return undefined
  const version = parseVersion(minVersion)
  if (version !== undefined) return version
  throw new QueryError('invalid_frame', 'minVersion: expected a version such as 3 or 3@epoch')
}

/** The first keys of the pages of some partitions, from one on, and where the page behind them begins. */
async function firstKeys(
  pages: readonly Promise<IndexedPage>[],
  limit: number,
  first: number,
): Promise<{ readonly keys: readonly string[]; readonly next?: string }> {
  const keys: string[] = []
  for (const [i, page] of pages.entries()) {
    if (keys.length === limit) return { keys, next: `${first + i}:` }
    const found = await page
    const taken = found.keys.slice(0, limit - keys.length)
    keys.push(...taken)
    const next = taken.length < found.keys.length ? taken.at(-1) : found.next
    if (next !== undefined) return { keys, next: `${first + i}:${next}` }
  }
  return { keys }
}

/** Reads `partition:key`. */
function placeOf(after: string | undefined, partitions: number): Place {
  if (after === undefined) return { partition: 0, key: undefined }
  const colon = after.indexOf(':')
  const partition = Number(after.slice(0, colon))
  if (!/^\d{1,5}:/.test(after) || partition >= partitions) {
    throw new QueryError('invalid_frame', 'after: expected the next of the page before')
  }
  const key = after.slice(colon + 1)
  return { partition, key: key === '' ? undefined : key }
}
