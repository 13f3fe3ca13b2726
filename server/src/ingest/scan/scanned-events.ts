import { LIMITS } from '@tidegate/protocol'
import type { EncodedSlice } from '../../bus/index.ts'
import type { SourceTopic } from '../../config/contract/model.ts'
import type { EventTraces } from '../event-traces.ts'
import { COMMA, QUOTE } from './ascii.ts'

/** What stands before and between the fields of a stored event. */
const ID = Buffer.from('{"id":"')
const KEY = Buffer.from('","key":"')
const TIME = Buffer.from('","time":')
const SOURCE = Buffer.from(',"source":"')
const SOURCE_END = Buffer.from('"')
const DATA = Buffer.from(',"data":')
const END = Buffer.from('}')
const FIXED_BYTES = ID.length + KEY.length + TIME.length + DATA.length + END.length
const SOURCE_BYTES = SOURCE.length + SOURCE_END.length

/** Ranges of bytes, one for each event. */
class Ranges {
  readonly from = new Int32Array(LIMITS.frameEvents)
  readonly to = new Int32Array(LIMITS.frameEvents)

  set(index: number, from: number, to: number): void {
    this.from[index] = from
    this.to[index] = to
  }

  length(index: number): number {
    return this.to[index]! - this.from[index]!
  }
}

/**
 * The events of one scanned frame, as ranges of its bytes. There is one object for all frames of a process: it MUST NOT be
 * used after the call in which the frame came.
 */
export class ScannedEvents {
  /** Without quotes; empty where the event has none. */
  readonly ids = new Ranges()
  readonly sources = new Ranges()
  /** Empty where the event has none. */
  readonly times = new Ranges()
  readonly keys = new Ranges()
  /** Of the frame, or of `rewritten`. */
  readonly data = new Ranges()
  readonly isRewritten = new Uint8Array(LIMITS.frameEvents)
  readonly timesMs = new Float64Array(LIMITS.frameEvents)
  readonly partitions = new Int32Array(LIMITS.frameEvents)
  /** Of the stored event. */
  readonly bytes = new Int32Array(LIMITS.frameEvents)
  readonly #stampedIds: (string | undefined)[] = []
  /** Indexes of events, those of one partition together. */
  readonly #grouped = new Int32Array(LIMITS.frameEvents)
  #keyBytes = Buffer.allocUnsafe(4_096)
  #frame: Buffer = Buffer.alloc(0)
  #topic: SourceTopic | undefined
  #now = ''
  /** Data whose members stood in another order than the schema's. */
  rewritten: Buffer = Buffer.alloc(0)
  length = 0
  /** The range of the frame that is its content. */
  contentFrom = 0
  contentTo = 0
  /** The latest time of its events. */
  latestMs = Number.NEGATIVE_INFINITY
  hasWide = false
  hasUnstamped = false
  /** Absent where no event has a context. */
  traces: EventTraces | undefined

  begin(frame: Buffer): void {
    this.#frame = frame
    this.length = 0
    this.latestMs = Number.NEGATIVE_INFINITY
    this.hasUnstamped = false
    this.traces = undefined
  }

  of(topic: SourceTopic): void {
    this.#topic = topic
  }

  /** The topic whose rules its events fit. */
  get topic(): SourceTopic {
    return this.#topic!
  }

  /** Of the bytes by which attempts are compared. */
  get content(): Buffer {
    return this.#frame.subarray(this.contentFrom, this.contentTo)
  }

  /** As another frame of the same events would have them. */
  parsed(): readonly unknown[] {
    return (JSON.parse(this.#frame.toString('utf8')) as { events: unknown[] }).events
  }

  key(index: number): string {
    return this.#frame.toString('utf8', this.keys.from[index]!, this.keys.to[index]!)
  }

  *allKeys(): Iterable<string> {
    for (let index = 0; index < this.length; index++) yield this.key(index)
  }

  /**
   * Gives each event what it lacks and measures what is stored of it. MUST be called before `slices`.
   *
   * @returns whether they may all be stored
   */
  stamp(now: number, nextId: () => string): boolean {
    if (this.latestMs > now + this.topic.maxFutureMs) return false
    this.#now = this.hasUnstamped ? String(now) : ''
    for (let index = 0; index < this.length; index++) {
      const hasId = this.ids.length(index) > 0
      if (!hasId) this.#stampedIds[index] = nextId()
      const hasTime = this.times.length(index) > 0
      if (!hasTime) this.timesMs[index] = now
      const sourceBytes = this.sources.length(index)
      const bytes =
        FIXED_BYTES +
        (hasId ? this.ids.length(index) : this.#stampedIds[index]!.length) +
        this.keys.length(index) +
        (hasTime ? this.times.length(index) : this.#now.length) +
        (sourceBytes === 0 ? 0 : SOURCE_BYTES + sourceBytes) +
        this.data.length(index)
      if (bytes > LIMITS.eventBytes) return false
      this.bytes[index] = bytes
    }
    if (this.traces !== undefined) this.#measure(this.traces)
    return true
  }

  /** Behind the check of their size: being traced refuses no event. */
  #measure(traces: EventTraces): void {
    for (let index = 0; index < this.length; index++) this.bytes[index]! += traces.json(index).length
  }

  /** One slice for each partition, in the order of their first events. */
  slices(): Map<number, EncodedSlice> {
    const { length, partitions } = this
    const slices = new Map<number, EncodedSlice>()
    if (length === 1) {
      this.#grouped[0] = 0
      return slices.set(partitions[0]!, new ScannedSlice(this, this.#grouped, 0, 1))
    }
    const counts = new Map<number, number>()
    for (let index = 0; index < length; index++) {
      const partition = partitions[index]!
      counts.set(partition, (counts.get(partition) ?? 0) + 1)
    }
    const next = new Map<number, number>()
    let from = 0
    for (const [partition, count] of counts) {
      slices.set(partition, new ScannedSlice(this, this.#grouped, from, from + count))
      next.set(partition, from)
      from += count
    }
    for (let index = 0; index < length; index++) {
      const partition = partitions[index]!
      const at = next.get(partition)!
      this.#grouped[at] = index
      next.set(partition, at + 1)
    }
    return slices
  }

  /** JSON of the keys of some events, without the brackets of a list. */
  keysJson(indexes: Int32Array, from: number, to: number): string {
    const { keys } = this
    let room = 0
    for (let i = from; i < to; i++) room += keys.length(indexes[i]!) + 3
    if (room > this.#keyBytes.length) this.#keyBytes = Buffer.allocUnsafe(2 * room)
    const out = this.#keyBytes
    let at = 0
    for (let i = from; i < to; i++) {
      const index = indexes[i]!
      if (i > from) out[at++] = COMMA
      out[at++] = QUOTE
      at = copy(this.#frame, keys.from[index]!, keys.to[index]!, out, at)
      out[at++] = QUOTE
    }
    return this.hasWide ? out.toString('utf8', 0, at) : out.toString('latin1', 0, at)
  }

  /** Writes the stored JSON of an event. @returns its end */
  write(index: number, out: Buffer, from: number): number {
    const frame = this.#frame
    const { ids, keys, times, sources, data } = this
    let at = copy(ID, 0, ID.length, out, from)
    if (ids.length(index) > 0) at = copy(frame, ids.from[index]!, ids.to[index]!, out, at)
    else at += out.write(this.#stampedIds[index]!, at, 'latin1')
    at = copy(KEY, 0, KEY.length, out, at)
    at = copy(frame, keys.from[index]!, keys.to[index]!, out, at)
    at = copy(TIME, 0, TIME.length, out, at)
    if (times.length(index) > 0) at = copy(frame, times.from[index]!, times.to[index]!, out, at)
    else at += out.write(this.#now, at, 'latin1')
    if (sources.length(index) > 0) {
      at = copy(SOURCE, 0, SOURCE.length, out, at)
      at = copy(frame, sources.from[index]!, sources.to[index]!, out, at)
      at = copy(SOURCE_END, 0, SOURCE_END.length, out, at)
    }
    if (this.traces !== undefined) at += out.write(this.traces.json(index), at, 'latin1')
    at = copy(DATA, 0, DATA.length, out, at)
    const source = this.isRewritten[index] === 1 ? this.rewritten : frame
    at = copy(source, data.from[index]!, data.to[index]!, out, at)
    return copy(END, 0, END.length, out, at)
  }
}

/** The events of one partition. */
class ScannedSlice implements EncodedSlice {
  readonly #events: ScannedEvents
  readonly #indexes: Int32Array
  readonly #from: number
  readonly #to: number

  constructor(events: ScannedEvents, indexes: Int32Array, from: number, to: number) {
    this.#events = events
    this.#indexes = indexes
    this.#from = from
    this.#to = to
  }

  get length(): number {
    return this.#to - this.#from
  }

  get lane() {
    return this.#events.topic.plain!.lane
  }

  get isSampled() {
    const { traces } = this.#events
    return traces && ((i: number) => traces.isSampled(this.#indexes[this.#from + i]!))
  }

  get keysJson(): string {
    return this.#events.keysJson(this.#indexes, this.#from, this.#to)
  }

  time(i: number): number {
    return this.#events.timesMs[this.#indexes[this.#from + i]!]!
  }

  bytes(i: number): number {
    return this.#events.bytes[this.#indexes[this.#from + i]!]!
  }

  write(i: number, out: Buffer, at: number): number {
    return this.#events.write(this.#indexes[this.#from + i]!, out, at)
  }
}

/** Calls of `Buffer.copy` cost more than a loop over the few bytes of a field. */
const LOOPED_BYTES = 192

function copy(source: Buffer, from: number, to: number, out: Buffer, at: number): number {
  if (to - from > LOOPED_BYTES) return at + source.copy(out, at, from, to)
  for (let i = from; i < to; i++) out[at++] = source[i]!
  return at
}
