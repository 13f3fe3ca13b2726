import type { EntityDefinition } from '../config/entity-model.ts'
import { beginWithin, type EntityRecord, foldSlices, type TrailEntry, viewOf } from '../entities/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { IN_SLICES, withinTimeLimit } from '../time-limit.ts'
import { QueryError } from './query-error.ts'

/** An entity whose code failed is left alone for so long: one that does not return holds up everybody for 0.1 s. */
const REST_MS = 60_000
const MAX_RESTING = 1_000

interface Resting {
  /** Events that the entity had: with another one the code may do better. */
  readonly version: number
  /** By the monotonic clock. */
  readonly until: number
  readonly error: QueryError
}

/** The application's code of one entity as queries run it: under a time limit, and not again where it failed just now. */
export class EntityCode {
  readonly #definition: EntityDefinition
  readonly #report: ReportDefect
  readonly #resting = new Map<string, Resting>()

  constructor(definition: EntityDefinition, report: ReportDefect) {
    this.#definition = definition
    this.#report = report
  }

  /** @param version the entity's newest @throws QueryError `internal` where its code has failed just now */
  checkRest(key: string, version: number): void {
    const resting = this.#resting.get(key)
    if (resting !== undefined && resting.version === version && resting.until > performance.now()) throw resting.error
  }

  /** What its trail begins with. @param version the entity's newest @throws QueryError `internal` */
  begin(key: string, version: number, stored: EntityRecord | undefined): EntityRecord {
    try {
      return beginWithin(this.#definition, stored, withinTimeLimit)
    } catch (error) {
      throw this.#failed(key, version, error)
    }
  }

  /** @param version the entity's newest @throws QueryError `internal` */
  async fold(
    key: string,
    version: number,
    record: EntityRecord,
    entries: readonly TrailEntry[],
  ): Promise<EntityRecord> {
    try {
      return await foldSlices(this.#definition, key, record, entries, IN_SLICES)
    } catch (error) {
      throw this.#failed(key, version, error)
    }
  }

  /** What others see of a state. @param version the entity's newest @throws QueryError `internal` */
  view(key: string, version: number, state: object): unknown {
    return this.#definition.view === undefined ? state : this.json(key, version, () => viewOf(this.#definition, state))
  }

  /** What code of the application returns, as JSON has it. @param version the entity's newest @throws QueryError `internal` */
  json<Result>(key: string, version: number, body: () => Result): Result {
    let json: string | undefined
    try {
      const isOver = withinTimeLimit(() => {
        json = JSON.stringify(body())
      })
      if (!isOver) throw new Error('it did not return in time')
    } catch (error) {
      throw this.#failed(key, version, error)
    }
    return (json === undefined ? null : JSON.parse(json)) as Result
  }

  #failed(key: string, version: number, error: unknown): QueryError {
    const { name } = this.#definition
    const id = this.#report(`a query of ${name}`, error)
    const message = `The code of ${name} failed. The log of the gateway has the cause under ${id}.`
    const failure = new QueryError('internal', message)
    if (this.#resting.size >= MAX_RESTING) this.#resting.delete(this.#resting.keys().next().value!)
    this.#resting.set(key, { version, until: performance.now() + REST_MS, error: failure })
    return failure
  }
}
