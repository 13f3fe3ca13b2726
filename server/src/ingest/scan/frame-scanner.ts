import { isUtf8 } from 'node:buffer'
import { LIMITS } from '@tidegate/protocol'
import { partitionOf, partitionOfHash } from '../../bus/index.ts'
import type { Contract, SourceTopic } from '../../config/contract/model.ts'
import { otherUnit } from '../../time-unit.ts'
import { EventTraces } from '../event-traces.ts'
import { COMMA, LIST_BEGIN, LIST_END, OBJECT_BEGIN, OBJECT_END, QUOTE, ZERO } from './ascii.ts'
import { DataScanner, NOT_PLAIN, ScannedObject } from './data-scanner.ts'
import { IdHashes } from './id-hashes.ts'
import type { ScanPace } from './scan-pace.ts'
import { ScannedEvents } from './scanned-events.ts'

const BEGIN = Buffer.from('{"type":"publish",')
const SEQ = Buffer.from('"seq":')
const TOPIC = Buffer.from('"topic":')
const AGE = Buffer.from('"ageMs":')
const TRACE = Buffer.from('"trace":')
const EVENTS = Buffer.from('"events":[')
const ID = Buffer.from('"id":')
const TIME = Buffer.from('"time":')
const SOURCE = Buffer.from('"source":')
const DATA = Buffer.from('"data":')

/** A counter has at most so many digits. */
const COUNTER_DIGITS = 14
/** Below the largest time of a `Date`, and exact. */
const TIME_DIGITS = 15
/** Times that mean seconds lie below it. */
const LEAST_USUAL_MS = 1e11

/** Whether it may be a `publish` frame that is scanned: other types, and texts with white space, cost nothing more than this. */
export function mayBeScanned(frame: Buffer): boolean {
  if (frame.length <= BEGIN.length) return false
  // For so few bytes a call of `Buffer.compare` costs more than they do.
  for (let at = 0; at < BEGIN.length; at++) if (frame[at] !== BEGIN[at]) return false
  return true
}

/** A `publish` frame that fits the rules of its topic, except for those that depend on its sender and on the clock. */
export interface ScannedFrame {
  readonly seq: number
  readonly topic: string
  readonly ageMs?: number
  readonly events: ScannedEvents
  readonly traces?: EventTraces | undefined
}

interface ScannedTopic {
  readonly topic: SourceTopic
  readonly data: ScannedObject
  readonly key: { readonly valueFrom: number; readonly to: number }
}

/**
 * Reads `publish` frames in one pass over their bytes. It accepts a frame only if the way by `JSON.parse`, schema and
 * `JSON.stringify` would store all of its events, and the same bytes of them; any other frame goes that way.
 */
export class FrameScanner {
  readonly #topics = new Map<string, ScannedTopic>()
  readonly #partitions: number
  readonly #data = new DataScanner()
  readonly #events = new ScannedEvents()
  readonly #ids = new IdHashes(LIMITS.frameEvents)
  #rewritten = Buffer.alloc(0)
  #rewrittenTo = 0

  constructor({ topics }: Contract, partitions: number) {
    this.#partitions = partitions
    for (const topic of topics.values()) {
      if (topic.kind !== 'source' || topic.plain === undefined) continue
      const data = new ScannedObject(topic.plain.object)
      const key = data.member(topic.keyField)
      if (key?.isRequired === true) this.#topics.set(topic.name, { topic, data, key })
    }
  }

  /** @returns what is valid until the next call */
  scan(frame: Buffer, pace: ScanPace): ScannedFrame | undefined {
    if (this.#topics.size === 0 || !mayBeScanned(frame) || !pace.isDue()) return undefined
    this.#data.bytes = frame
    const scanned = this.#scan(frame)
    if (scanned === undefined) pace.declined()
    else pace.scanned()
    return scanned
  }

  #scan(frame: Buffer): ScannedFrame | undefined {
    const data = this.#data
    const events = this.#events
    data.hasWide = false
    this.#rewrittenTo = 0
    events.begin(frame)
    let topic: ScannedTopic | undefined
    let seq: number | undefined
    let ageMs: number | undefined
    let hasTrace = false
    let at = BEGIN.length
    while (true) {
      if (seq === undefined && data.isAt(SEQ, at)) {
        const from = at + SEQ.length
        at = data.whole(from, COUNTER_DIGITS)
        seq = numberAt(frame, from, at)
      } else if (topic === undefined && data.isAt(TOPIC, at)) {
        const from = at + TOPIC.length
        at = data.string(from)
        if (at === NOT_PLAIN) return undefined
        topic = this.#topics.get(frame.toString('latin1', from + 1, at - 1))
        if (topic === undefined) return undefined
      } else if (ageMs === undefined && data.isAt(AGE, at)) {
        const from = at + AGE.length
        at = data.whole(from, COUNTER_DIGITS)
        ageMs = numberAt(frame, from, at)
      } else if (!hasTrace && events.length === 0 && data.isAt(TRACE, at)) {
        at = this.#trace(at + TRACE.length)
        hasTrace = true
      } else if (topic !== undefined && events.length === 0 && data.isAt(EVENTS, at)) {
        events.contentFrom = at
        at = this.#list(topic, at + EVENTS.length)
        events.contentTo = at
      } else return undefined
      if (at === NOT_PLAIN) return undefined
      const next = frame[at++]
      if (next === OBJECT_END) break
      if (next !== COMMA) return undefined
    }
    if (at !== frame.length || seq === undefined || topic === undefined || events.length === 0) return undefined
    if (data.hasWide && !isUtf8(frame)) return undefined
    events.of(topic.topic)
    events.hasWide = data.hasWide
    events.rewritten = this.#rewritten
    const { traces } = events
    return { seq, topic: topic.topic.name, events, traces, ...(ageMs !== undefined && { ageMs }) }
  }

  /** A list of where events come from: few are long, and none has a list in it. */
  #trace(from: number): number {
    const data = this.#data
    const { bytes } = data
    if (bytes[from] !== LIST_BEGIN) return NOT_PLAIN
    let at = from + 1
    while (at < bytes.length && bytes[at] !== LIST_END) {
      at = bytes[at] === QUOTE ? data.string(at) : at + 1
      if (at === NOT_PLAIN) return NOT_PLAIN
    }
    try {
      this.#events.traces = EventTraces.ofFrame(JSON.parse(bytes.toString('latin1', from, at + 1)))
      return at + 1
    } catch {
      return NOT_PLAIN
    }
  }

  #list(topic: ScannedTopic, from: number): number {
    const { bytes } = this.#data
    this.#ids.clear()
    let at = from
    for (let index = 0; index < LIMITS.frameEvents; index++) {
      at = this.#event(topic, index, at)
      if (at === NOT_PLAIN) return NOT_PLAIN
      this.#events.length = index + 1
      const next = bytes[at++]
      if (next === LIST_END) return at
      if (next !== COMMA) return NOT_PLAIN
    }
    return NOT_PLAIN
  }

  #event(topic: ScannedTopic, index: number, from: number): number {
    const data = this.#data
    const { bytes } = data
    const { ids, times, sources, data: bodies } = this.#events
    if (bytes[from] !== OBJECT_BEGIN) return NOT_PLAIN
    ids.set(index, 0, 0)
    times.set(index, 0, 0)
    sources.set(index, 0, 0)
    bodies.set(index, 0, 0)
    let idHash = 0
    let sourceHash = 0
    let at = from + 1
    while (true) {
      if (ids.to[index] === 0 && data.isAt(ID, at)) {
        at = this.#name(ids, index, at + ID.length)
        idHash = data.hash
      } else if (times.to[index] === 0 && data.isAt(TIME, at)) {
        at = this.#time(index, at + TIME.length)
      } else if (bodies.to[index] === 0 && data.isAt(DATA, at)) {
        at = this.#body(topic, index, at + DATA.length)
      } else if (sources.to[index] === 0 && data.isAt(SOURCE, at)) {
        at = this.#name(sources, index, at + SOURCE.length)
        sourceHash = data.hash
      } else return NOT_PLAIN
      if (at === NOT_PLAIN) return NOT_PLAIN
      const next = bytes[at++]
      if (next === OBJECT_END) break
      if (next !== COMMA) return NOT_PLAIN
    }
    if (bodies.to[index] === 0) return NOT_PLAIN
    if (times.to[index] === 0 || ids.to[index] === 0) this.#events.hasUnstamped = true
    // Most likely one id stands twice: the other way says so.
    if (ids.to[index] !== 0 && !this.#ids.add(idHash ^ Math.imul(sourceHash, 31))) return NOT_PLAIN
    return at
  }

  #name(names: ScannedEvents['ids'], index: number, from: number): number {
    const end = this.#data.hashed(from)
    if (end === NOT_PLAIN) return NOT_PLAIN
    const bytes = end - from - 2
    if (bytes === 0 || bytes > LIMITS.idBytes) return NOT_PLAIN
    names.set(index, from + 1, end - 1)
    return end
  }

  #time(index: number, from: number): number {
    const end = this.#data.whole(from, TIME_DIGITS)
    if (end === NOT_PLAIN) return NOT_PLAIN
    const time = numberAt(this.#data.bytes, from, end)
    if (time < LEAST_USUAL_MS && otherUnit(time) !== undefined) return NOT_PLAIN
    this.#events.times.set(index, from, end)
    this.#events.timesMs[index] = time
    if (time > this.#events.latestMs) this.#events.latestMs = time
    return end
  }

  #body({ data, key }: ScannedTopic, index: number, from: number): number {
    const { bytes } = this.#data
    const end = this.#data.object(data, from)
    if (end === NOT_PLAIN || bytes[key.valueFrom] !== QUOTE) return NOT_PLAIN
    if (!this.#key(index, key.valueFrom + 1, key.to - 1)) return NOT_PLAIN
    const events = this.#events
    if (data.isInOrder) {
      events.isRewritten[index] = 0
      events.data.set(index, from, end)
      return end
    }
    // It is never longer than the frame.
    if (this.#rewritten.length < bytes.length) this.#rewritten = Buffer.allocUnsafe(bytes.length)
    const rewrittenFrom = this.#rewrittenTo
    this.#rewrittenTo = data.writeInOrder(bytes, this.#rewritten, rewrittenFrom)
    events.isRewritten[index] = 1
    events.data.set(index, rewrittenFrom, this.#rewrittenTo)
    return end
  }

  #key(index: number, from: number, to: number): boolean {
    const length = to - from
    if (length <= 0 || length > LIMITS.keyBytes) return false
    const { bytes } = this.#data
    this.#events.keys.set(index, from, to)
    this.#data.hashed(from - 1)
    this.#events.partitions[index] = this.#data.isWide
      ? partitionOf(bytes.toString('utf8', from, to), this.#partitions)
      : partitionOfHash(this.#data.hash, this.#partitions)
    return true
  }
}

/** A whole number whose digits were checked. */
function numberAt(bytes: Buffer, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) value = value * 10 + (bytes[at]! - ZERO)
  return value
}
