import type { PeerEvent } from '../subject.ts'

export interface EventShape {
  /** Different keys. */
  readonly keys: number
  /** Size of an event's JSON. */
  readonly bytes: number
}

/** Numbers and times have as many digits each, so that a reader finds them by counting; fewer than a double has exactly. */
const FIRST_N = 10_000_000
const N_DIGITS = 8
const TIME_BASE = 1e13
const TIME_DIGITS = 14
/** Coprime to the numbers of keys: events that follow each other are of keys far apart. */
const KEY_STRIDE = 7_919

const MARK = Buffer.from('"sentAt":')
const BETWEEN = ',"n":'
/** Bytes behind the mark that hold time and number. */
const MARKED_BYTES = TIME_DIGITS + BETWEEN.length + N_DIGITS
const EMPTY = Buffer.alloc(0)
const ZERO = '0'.charCodeAt(0)

/** Events in the order of their numbers, which begin at 0. */
export class EventSource {
  readonly #shape: EventShape
  readonly #text: string
  #n = 0

  constructor(shape: EventShape) {
    this.#shape = shape
    this.#text = 'x'.repeat(Math.max(0, shape.bytes - dataOf(shape.keys - 1, 0, 0, '').length))
  }

  /** @param sentAt when it should be sent, microseconds of the monotonic clock */
  next(sentAt: number): PeerEvent {
    const n = this.#n++
    return { n, data: dataOf((n * KEY_STRIDE) % this.#shape.keys, sentAt, n, this.#text) }
  }
}

function dataOf(key: number, sentAt: number, n: number, text: string): string {
  return `{"key":"k-${key}","sentAt":${TIME_BASE + Math.round(sentAt)}${BETWEEN}${FIRST_N + n},"text":"${text}"}`
}

/** Finds the events in the bytes of one connection, whatever is around them. */
export class EventScanner {
  readonly #onEvent: (n: number, sentAt: number) => void
  #rest: Buffer = EMPTY

  constructor(onEvent: (n: number, sentAt: number) => void) {
    this.#onEvent = onEvent
  }

  read(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = data.indexOf(MARK)
    for (; at !== -1 && at + MARK.length + MARKED_BYTES <= data.length; at = data.indexOf(MARK, at + MARKED_BYTES)) {
      const time = at + MARK.length
      const n = digits(data, time + TIME_DIGITS + BETWEEN.length, N_DIGITS) - FIRST_N
      this.#onEvent(n, digits(data, time, TIME_DIGITS) - TIME_BASE)
    }
    const keptBytes = at === -1 ? unfinishedMark(data) : data.length - at
    this.#rest = keptBytes === 0 ? EMPTY : Buffer.from(data.subarray(data.length - keptBytes))
  }
}

function digits(data: Buffer, from: number, count: number): number {
  let value = 0
  for (let at = from; at < from + count; at++) value = value * 10 + data[at]! - ZERO
  return value
}

/** Bytes at the end that may be the beginning of a mark. */
function unfinishedMark(data: Buffer): number {
  for (let bytes = Math.min(MARK.length - 1, data.length); bytes > 0; bytes--) {
    if (MARK.compare(data, data.length - bytes, data.length, 0, bytes) === 0) return bytes
  }
  return 0
}
