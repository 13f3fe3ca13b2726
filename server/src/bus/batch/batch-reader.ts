import { CorruptBatch } from '../errors.ts'
import type { LogEntry } from '../log/log-entry.ts'
import {
  type BatchHeader,
  decodeEvents,
  decodeHeader,
  type EndOfInput,
  type EventBody,
  refusedEvents,
} from './record-batch.ts'

/** Where input ends in a batch. */
export interface PlacedEnd extends EndOfInput {
  /** How many of the accepted events lie before it. */
  readonly after: number
}

/** Reads one stored record batch. The header is decoded on first use: a reader of events alone seldom needs it. */
export class BatchReader {
  readonly payload: Buffer
  readonly #refusedSlices: string | undefined
  /** Its JSON until it is decoded. */
  #header: string | BatchHeader
  #refused: ReadonlySet<number> | undefined
  #starts: readonly number[] | undefined
  #bodies: readonly EventBody[] | undefined

  constructor({ header, payload, refused }: Pick<LogEntry, 'header' | 'payload' | 'refused'>) {
    this.payload = payload
    this.#header = header
    this.#refusedSlices = refused
  }

  /** @throws CorruptBatch */
  get header(): BatchHeader {
    if (typeof this.#header === 'string') {
      const header = decodeHeader(this.#header)
      // Ranges that do not fit would be sent as events.
      if (payloadBytes(header) !== this.payload.length) throw new CorruptBatch('its events have other lengths')
      this.#header = header
    }
    return this.#header
  }

  /** Indexes of the events that readers must skip. @throws CorruptBatch */
  get refused(): ReadonlySet<number> {
    this.#refused ??= this.#refusedSlices === undefined ? NONE : refusedEvents(this.header, this.#refusedSlices)
    return this.#refused
  }

  /** How long each event is in the payload. @throws CorruptBatch */
  get sizes(): readonly number[] {
    return this.header.bytes
  }

  /** Where each event begins in the payload. */
  get starts(): readonly number[] {
    this.#starts ??= eventStarts(this.header.bytes)
    return this.#starts
  }

  /** Parses all events, refused ones included: the index is that of the position. @throws CorruptBatch */
  bodies(): EventBody[] {
    const bodies = decodeEvents(this.payload)
    if (bodies.length === this.header.count) return bodies
    throw new CorruptBatch(`it has ${bodies.length} events, its header ${this.header.count}`)
  }

  /** One event; all are parsed at the first call. @throws CorruptBatch */
  body(index: number): EventBody {
    this.#bodies ??= this.bodies()
    return this.#bodies[index]!
  }

  /** Parses all events and drops the refused ones. @throws CorruptBatch */
  acceptedBodies(): EventBody[] {
    const { refused } = this
    const bodies = this.bodies()
    return refused.size === 0 ? bodies : bodies.filter((_, index) => !refused.has(index))
  }

  /** Where input ends, in order. Ends of refused slices are none. @throws CorruptBatch */
  acceptedEnds(): PlacedEnd[] {
    const { ends, sliceStarts, count } = this.header
    if (ends.length === 0) return []
    const refusedSlices = new Set(this.#refusedSlices?.split(',').map(Number))
    return ends.flatMap(({ slice, ...end }) => {
      if (refusedSlices.has(slice)) return []
      const upTo = sliceStarts[slice + 1] ?? count
      return [{ ...end, after: upTo - [...this.refused].filter((index) => index < upTo).length }]
    })
  }

  /** The stored JSON of one event. */
  jsonOf(index: number): string {
    const start = this.starts[index]!
    return this.payload.toString('utf8', start, start + this.header.bytes[index]!)
  }
}

const NONE: ReadonlySet<number> = new Set()

/** Of a payload whose events have the lengths of a header. */
function payloadBytes({ bytes, count }: BatchHeader): number {
  return bytes.reduce((sum, each) => sum + each, Math.max(0, count - 1))
}

/** One byte, the comma, lies between two events. */
function eventStarts(sizes: readonly number[]): number[] {
  let next = 0
  return sizes.map((size) => {
    const start = next
    next += size + 1
    return start
  })
}
