import type { EntityDefinition } from '../config/contract/entity-model.ts'
import {
  cutOf,
  type EntityRecord,
  foldStored,
  inSlices,
  type TrailEntry,
  type TrailPages,
  viewOf,
} from '../entities/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { SharedLimit } from '../shared-limit.ts'
import { IN_SLICES, withinTimeLimit } from '../time-limit.ts'
import { QueryError } from './query-error.ts'

/** Of all queries of the process: those that come at the same time run together. */
const { run: limited } = new SharedLimit(withinTimeLimit)
const TOGETHER = { ...IN_SLICES, limited }

/** What failed is left alone for so long: code that does not return holds up everybody for 0.1 s. */
const REST_MS = 60_000
const MAX_RESTING = 1_000

/** Result of application code for one version of an entity. Another version, or other code, may do better. */
type Task = 'fold' | 'view'

interface Resting {
  /** By the monotonic clock. */
  readonly until: number
  readonly error: QueryError
}

/** An event that brings an entity to a version. */
export interface VersionedEntry {
  readonly version: number
  readonly entry: TrailEntry
}

/** What code of the application threw, before it is known whether it was given what is stored. */
class CodeFailure extends Error {
  readonly place: string

  constructor(place: string, cause: unknown) {
    super('code of the application failed', { cause })
    this.place = place
  }
}

/** The application's code of one entity as queries run it: under a time limit, and not again on what it failed on just now. */
export class EntityCode {
  readonly #definition: EntityDefinition
  readonly #report: ReportDefect
  readonly #resting = new Map<string, Resting>()

  constructor(definition: EntityDefinition, report: ReportDefect) {
    this.#definition = definition
    this.#report = report
  }

  /** Runs a query in which the methods below are called. @throws QueryError `internal` where one of them failed */
  async guard<Result>(query: () => Promise<Result>): Promise<Result> {
    try {
      return await query()
    } catch (error) {
      throw error instanceof CodeFailure ? this.#rest(error) : error
    }
  }

  /** What a trail makes of the entity. */
  async fold(key: string, { record, end, read }: TrailPages): Promise<EntityRecord> {
    const cut = cutOf(record)
    this.#checkRest('fold', key, cut)
    const checked = async (from: number, to: number) => {
      const entries = await read(from, to)
      for (const i of entries.keys()) this.#checkRest('fold', key, cut + from + i + 1)
      return entries
    }
    const folded = await foldStored(this.#definition, key, { record, end, read: checked }, TOGETHER)
    if (folded.kind === 'folded') return folded.record
    throw new CodeFailure(placeOf('fold', key, folded.version), folded.error)
  }

  /** What others see of a state, as JSON has it. */
  async view(key: string, { version, state }: EntityRecord): Promise<unknown> {
    if (this.#definition.view === undefined) return state
    this.#checkRest('view', key, version)
    let json: string | undefined
    try {
      const isOver = await limited(() => {
        json = JSON.stringify(viewOf(this.#definition, state))
      })
      if (!isOver) throw new Error(`${this.#definition.name}.view did not return in time`)
    } catch (error) {
      throw new CodeFailure(placeOf('view', key, version), error)
    }
    return json === undefined ? null : JSON.parse(json)
  }

  /**
   * What is shown of events: the JSON of each, in slices.
   *
   * @param show runs code of the application @param failed stands for an event on which that fails
   */
  async *show(
    key: string,
    events: readonly VersionedEntry[],
    show: (event: VersionedEntry) => object,
    failed: (event: VersionedEntry, message: string) => object,
  ): AsyncGenerator<readonly string[]> {
    const run = (slice: readonly VersionedEntry[]) => slice.map((event) => JSON.stringify(show(event)))
    const endless = ({ entry }: VersionedEntry) =>
      new Error(`what ${this.#definition.name} shows of ${entry.type} did not return in time`)
    const restAt = (i: number) => this.#restAt(shownPlace(key, events[i]!))
    for (let next = 0; next < events.length; ) {
      const rest = restAt(next)
      if (rest !== undefined) {
        yield [JSON.stringify(failed(events[next++]!, rest.message))]
        continue
      }
      let end = next + 1
      while (end < events.length && restAt(end) === undefined) end++
      try {
        for await (const lines of inSlices(events.slice(next, end), run, endless, TOGETHER)) {
          next += lines.length
          yield lines
        }
      } catch (error) {
        this.#rest(new CodeFailure(shownPlace(key, events[next]!), error))
      }
    }
  }

  /** @throws QueryError `internal` where that has failed just now */
  #checkRest(task: Task, key: string, version: number): void {
    const error = this.#restAt(placeOf(task, key, version))
    if (error !== undefined) throw error
  }

  #restAt(place: string): QueryError | undefined {
    const resting = this.#resting.get(place)
    return resting !== undefined && resting.until > performance.now() ? resting.error : undefined
  }

  #rest({ place, cause }: CodeFailure): QueryError {
    const { name } = this.#definition
    const id = this.#report(`a query of ${name}`, cause)
    const message = `The code of ${name} failed. The log of the gateway has the cause under ${id}.`
    const error = new QueryError('internal', message)
    if (this.#resting.size >= MAX_RESTING) this.#resting.delete(this.#resting.keys().next().value!)
    this.#resting.set(place, { until: performance.now() + REST_MS, error })
    return error
  }
}

function placeOf(task: Task, key: string, version: number): string {
  return `${task} ${version} ${key}`
}

/** With the command: where a trail is cut while it is read, an event may be taken for another version. */
function shownPlace(key: string, { version, entry }: VersionedEntry): string {
  return `show ${version} ${entry.commandId} ${key}`
}
