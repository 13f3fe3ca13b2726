import type { Lane, TraceContext } from '@tidegate/protocol'
import { jsonString } from '../../json-string.ts'
import { CorruptBatch } from '../errors.ts'
import type { PayloadBuffers } from './payload-buffers.ts'

/**
 * One stream entry holds many events. Field `h` is a columnar JSON header, field `d` the UTF-8 JSON objects of the
 * events, comma-separated, so that `[d]` parses in one go and any event is a byte range. Header columns, one value per
 * event: `k` keys, `t` times (first absolute, then differences, ms; `T` absolute ones where a difference is no exact
 * integer), `b` byte lengths, `l` lanes (`h`, `n`, `l`; one letter when all are alike); and `s`, the index of each
 * slice's first event. `z`, where a slice ends input behind its events: its ordinal, and the source that has ended or
 * `null` for all of them. `c`, where the context of events says that their trace is recorded: the indexes of these.
 */
export interface BatchHeader {
  readonly count: number
  readonly keys: readonly string[]
  readonly lanes: readonly Lane[]
  readonly times: readonly number[]
  readonly bytes: readonly number[]
  readonly sliceStarts: readonly number[]
  readonly ends: readonly SliceEnd[]
  /** Events whose trace is recorded by whoever published them, ascending. */
  readonly sampled: readonly number[]
}

/** Says that no more events of its topic come: none of a source, or none at all. */
export interface EndOfInput {
  /** Absent: of all of them. */
  readonly source?: string | undefined
}

/** A slice behind whose events input ends. */
export interface SliceEnd extends EndOfInput {
  readonly slice: number
}

/** An event ready for storage: its JSON holds id, key, time, source, trace context and data. */
export interface StoredEvent {
  readonly key: string
  readonly lane: Lane
  readonly time: number
  readonly json: string
  /** Its trace is recorded by whoever published it. */
  readonly isSampled?: boolean
}

/** Events of one slice that lie somewhere as bytes, and are written into its batch from there. */
export interface EncodedSlice {
  readonly length: number
  readonly lane: Lane
  /** The keys as JSON, without the brackets of a list. */
  readonly keysJson: string
  time(index: number): number
  /** Length of the stored JSON of an event. */
  bytes(index: number): number
  /** Writes that JSON. @returns its end */
  write(index: number, out: Buffer, at: number): number
  /** Absent where none has a trace context. */
  readonly isSampled?: ((index: number) => boolean) | undefined
}

/** One slice. */
export type SliceEvents = readonly StoredEvent[] | EncodedSlice

/** The stored fields of an event besides header and position. */
export interface EventBody extends Partial<TraceContext> {
  readonly id: string
  readonly key: string
  readonly time: number
  readonly source?: string
  readonly data: unknown
}

/** Largest payload of one batch: bounds what a reader must hold and what one script call moves. */
export const MAX_BATCH_BYTES = 65_536

const LANE_LETTERS: Record<Lane, string> = { high: 'h', normal: 'n', low: 'l' }
const LETTER_LANES: ReadonlyMap<string, Lane> = new Map([
  ['h', 'high'],
  ['n', 'normal'],
  ['l', 'low'],
])

/** Writes the stored JSON of one event; `dataJson` is inserted as it is, and so is `traceJson`, as `traceMembers` writes it. */
export function encodeEvent(
  id: string,
  key: string,
  time: number,
  source: string | undefined,
  dataJson: string,
  traceJson = '',
): string {
  const head = `{"id":${jsonString(id)},"key":${jsonString(key)},"time":${time}`
  const from = source === undefined ? '' : `,"source":${jsonString(source)}`
  return `${head}${from}${traceJson},"data":${dataJson}}`
}

/** The trace context of an event in its JSON, with a comma in front; nothing where it has none. */
export function traceMembers({ traceparent, tracestate }: Partial<TraceContext>): string {
  if (traceparent === undefined) return ''
  const state = tracestate === undefined ? '' : `,"tracestate":${JSON.stringify(tracestate)}`
  return `,"traceparent":${JSON.stringify(traceparent)}${state}`
}

/** Collects whole slices into one record batch. */
export class RecordBatchBuilder {
  /** Splits what is to be appended into batches, in order. An event that is larger than a batch has one of its own. */
  static split<Item extends { readonly event: StoredEvent }>(items: readonly Item[]): Item[][] {
    const batches: Item[][] = []
    let room = 0
    for (const item of items) {
      const bytes = Buffer.byteLength(item.event.json)
      if (bytes > room) {
        batches.push([])
        room = MAX_BATCH_BYTES
      }
      batches.at(-1)!.push(item)
      room -= bytes
    }
    return batches
  }

  /** JSON of them, or of several with commas between. */
  readonly #keys: string[] = []
  readonly #times: number[] = []
  readonly #bytes: number[] = []
  readonly #sliceStarts: number[] = []
  readonly #ends: [slice: number, source: string | null][] = []
  readonly #sampled: number[] = []
  #lanes = ''
  readonly #buffers: PayloadBuffers | undefined
  #payload: Buffer
  #payloadBytes = 0

  /** @param buffers of payloads that are released */
  constructor(buffers?: PayloadBuffers) {
    this.#buffers = buffers
    this.#payload = buffers?.take() ?? Buffer.allocUnsafe(INITIAL_PAYLOAD_BYTES)
  }

  get count(): number {
    return this.#times.length
  }

  get payloadBytes(): number {
    return this.#payloadBytes
  }

  /** Byte length of each event. */
  get bytes(): readonly number[] {
    return this.#bytes
  }

  addSlice(events: SliceEvents, end?: EndOfInput): void {
    if (end !== undefined) this.#ends.push([this.#sliceStarts.length, end.source ?? null])
    this.#sliceStarts.push(this.#times.length)
    if (events.length === 0) return
    if (isEncoded(events)) this.#addEncoded(events)
    else this.#addStored(events)
  }

  #addEncoded(events: EncodedSlice): void {
    const { length, isSampled } = events
    if (isSampled !== undefined) this.#noteSampled(length, isSampled)
    this.#keys.push(events.keysJson)
    this.#lanes += LANE_LETTERS[events.lane].repeat(length)
    let room = 0
    for (let i = 0; i < length; i++) {
      const bytes = events.bytes(i)
      this.#times.push(events.time(i))
      this.#bytes.push(bytes)
      room += bytes + 1
    }
    this.#reserve(room)
    let at = this.#payloadBytes
    for (let i = 0; i < length; i++) {
      if (at > 0) this.#payload[at++] = COMMA
      at = events.write(i, this.#payload, at)
    }
    this.#payloadBytes = at
  }

  #addStored(events: readonly StoredEvent[]): void {
    for (const event of events) {
      if (event.isSampled === true) this.#sampled.push(this.#times.length)
      this.#keys.push(jsonString(event.key))
      this.#times.push(event.time)
      this.#lanes += LANE_LETTERS[event.lane]
    }
    const text = events.length === 1 ? events[0]!.json : events.map((event) => event.json).join(',')
    const isAscii = this.#append(text) === text.length
    for (const { json } of events) this.#bytes.push(isAscii ? json.length : Buffer.byteLength(json))
  }

  #noteSampled(length: number, isSampled: (index: number) => boolean): void {
    const first = this.#times.length
    for (let i = 0; i < length; i++) if (isSampled(i)) this.#sampled.push(first + i)
  }

  build(): { header: string; payload: Buffer; count: number } {
    const first = this.#lanes.charAt(0)
    const uniform = this.#lanes === first.repeat(this.#lanes.length)
    const others = JSON.stringify({
      ...encodeTimes(this.#times),
      b: this.#bytes,
      l: uniform ? first : this.#lanes,
      s: this.#sliceStarts,
      ...(this.#ends.length > 0 && { z: this.#ends }),
      ...(this.#sampled.length > 0 && { c: this.#sampled }),
    })
    const header = `{"k":[${this.#keys.join()}],${others.slice(1)}`
    return { header, payload: this.#payload.subarray(0, this.#payloadBytes), count: this.count }
  }

  /**
   * Encodes text into the send buffer and returns its bytes. One write per slice: the call costs more than the copy.
   */
  #append(text: string): number {
    this.#reserve(text.length * MAX_UTF8_PER_UNIT + 1)
    if (this.#payloadBytes > 0) this.#payload[this.#payloadBytes++] = COMMA
    const written = this.#payload.write(text, this.#payloadBytes)
    this.#payloadBytes += written
    return written
  }

  #reserve(bytes: number): void {
    const room = this.#payloadBytes + bytes
    if (room <= this.#payload.length) return
    const larger = Buffer.allocUnsafe(Math.max(room, this.#payload.length * 2))
    this.#payload.copy(larger, 0, 0, this.#payloadBytes)
    this.#buffers?.giveBack(this.#payload)
    this.#payload = larger
  }

  /** Nobody reads the payload that was built any more: it will be overwritten. */
  release(): void {
    this.#buffers?.giveBack(this.#payload)
    this.#payload = RELEASED
    this.#payloadBytes = 0
  }
}

export function isEncoded(events: SliceEvents): events is EncodedSlice {
  return !Array.isArray(events)
}

const COMMA = 0x2c
/** A UTF-16 code unit takes at most three bytes of UTF-8. */
const MAX_UTF8_PER_UNIT = 3
const INITIAL_PAYLOAD_BYTES = 8_192
const RELEASED = Buffer.alloc(0)

/** @throws CorruptBatch */
export function decodeHeader(text: string): BatchHeader {
  const {
    k,
    b,
    l,
    s,
    t,
    T,
    z = NO_ENDS,
    c: sampled = NONE,
  } = parsed(text, 'header') as Readonly<Record<string, unknown>>
  if (!isListOf(k, isString)) throw new CorruptBatch('keys are no texts')
  const count = k.length
  const isColumn = (column: unknown): column is number[] => isListOf(column, isWhole, count)
  if (!isColumn(b) || b.some((bytes) => bytes <= 0)) throw new CorruptBatch('lengths are no numbers of bytes')
  if (typeof l !== 'string' || (l.length !== 1 && l.length !== count)) throw new CorruptBatch('lanes are no letters')
  const lanes = l.length === 1 ? new Array<Lane>(count).fill(laneOf(l)) : Array.from(l, laneOf)
  if (!isListOf(s, isWhole) || !s.every((start, i) => start >= (s[i - 1] ?? 0) && start <= count)) {
    throw new CorruptBatch('slices do not follow one another')
  }
  const given = T ?? t
  if (!isColumn(given)) throw new CorruptBatch('times are no numbers')
  if (!isListOf(z, isEnd) || z.some(([slice]) => slice >= s.length)) throw new CorruptBatch('ends are of no slices')
  if (!isListOf(sampled, isWhole) || sampled.some((index) => index < 0 || index >= count)) {
    throw new CorruptBatch('traced events are not in it')
  }
  const times = T === undefined ? decodeTimes(given) : given
  const ends = z.length === 0 ? NO_ENDS : z.map(sliceEnd)
  return { count, keys: k, lanes, times, bytes: b, sliceStarts: s, ends, sampled }
}

function laneOf(letter: string): Lane {
  const lane = LETTER_LANES.get(letter)
  if (lane === undefined) throw new CorruptBatch('a lane is none')
  return lane
}

const NONE: readonly never[] = []
const NO_ENDS = NONE

type StoredEnd = readonly [slice: number, source: string | null]

function isEnd(value: unknown): value is StoredEnd {
  if (!Array.isArray(value) || value.length !== 2) return false
  const [slice, source] = value as unknown[]
  return isWhole(slice) && slice >= 0 && (source === null || typeof source === 'string')
}

function sliceEnd([slice, source]: StoredEnd): SliceEnd {
  return source === null ? { slice } : { slice, source }
}

function parsed(json: string, what: string): unknown {
  try {
    // `null` has no fields to take.
    return JSON.parse(json) ?? {}
  } catch (cause) {
    throw new CorruptBatch(`its ${what} is not JSON`, { cause })
  }
}

const isString = (value: unknown): value is string => typeof value === 'string'
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)

function isListOf<Item>(value: unknown, isItem: (item: unknown) => item is Item, count?: number): value is Item[] {
  return Array.isArray(value) && value.length === (count ?? value.length) && value.every(isItem)
}

type EncodedTimes = { readonly t: number[]; readonly T?: undefined } | { readonly t?: undefined; readonly T: number[] }

function encodeTimes(times: number[]): EncodedTimes {
  let before = 0
  const differences = times.map((time) => {
    const difference = time - before
    before = time
    return difference
  })
  // Times at both ends of a `Date` are up to 2^54 apart.
  return differences.every(Number.isSafeInteger) ? { t: differences } : { T: times }
}

/** Reuses the given list. */
function decodeTimes(times: number[]): number[] {
  for (let i = 1; i < times.length; i++) times[i]! += times[i - 1]!
  return times
}

/**
 * Which events readers must skip: those of slices the append script refused (`x`: slice ordinals, comma-separated).
 *
 * @throws CorruptBatch
 */
export function refusedEvents({ count, sliceStarts }: BatchHeader, refusedSlices: string): ReadonlySet<number> {
  const masked = new Set<number>()
  for (const slice of new Set(refusedSlices.split(','))) {
    const start = sliceStarts[Number(slice)]
    if (start === undefined) throw new CorruptBatch('a refused slice is not in it')
    const end = sliceStarts[Number(slice) + 1] ?? count
    for (let i = start; i < end; i++) masked.add(i)
  }
  return masked
}

/** Parses every event of a payload at once. @throws CorruptBatch */
export function decodeEvents(payload: Buffer): EventBody[] {
  const events = parsed(`[${payload.toString('utf8')}]`, 'payload') as unknown[]
  if (events.every((event) => typeof event === 'object' && event !== null)) return events as EventBody[]
  throw new CorruptBatch('an event is no object')
}
