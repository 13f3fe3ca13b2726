import type { BatchReader, EventBody } from '../bus/index.ts'

/** Fields of an event's data. */
export interface Fields {
  [name: string]: unknown
}

/** An event of which only its key, time and source and some fields of its data were read. For anything else its batch is parsed. */
export class NarrowEvent implements EventBody {
  readonly key: string
  readonly time: number
  declare readonly source?: string
  readonly fields: Fields
  readonly #batch: BatchReader
  readonly #index: number

  constructor(batch: BatchReader, index: number, fields: Fields, source: string | undefined) {
    const { keys, times } = batch.header
    this.key = keys[index]!
    this.time = times[index]!
    if (source !== undefined) this.source = source
    this.fields = fields
    this.#batch = batch
    this.#index = index
  }

  get id(): string {
    return this.#batch.body(this.#index).id
  }

  get data(): unknown {
    return this.#batch.body(this.#index).data
  }
}

/** What was read of the data of an event: all that its readers need, at least. */
export function dataOf(event: EventBody): unknown {
  return event instanceof NarrowEvent ? event.fields : event.data
}
