/** Seconds of history per topic. */
export const HISTORY_SECONDS = 60
/** A rate is the mean over this many full seconds: short enough to follow, long enough to read. */
const RATE_SECONDS = 5
/** A power of two above what is read, so that the second under way has a place too. */
const RING_SECONDS = 64

export interface Rate {
  readonly perSecond: number
  /** Events received since the page was opened. */
  readonly total: number
  /** Events of each of the last full seconds, oldest first. */
  readonly history: readonly number[]
}

/**
 * Counts the events this page received, per topic, by the second they were appended in. Not by arrival: what is replayed
 * when the page opens or reconnects would look like a burst that never was. Append times are of the server's clock, so
 * the freshest one seen tells how far that is from ours, which MUST be one that nobody sets.
 */
export class RateMeter {
  readonly #topics = new Map<string, Counter>()
  #serverAheadMs = Number.NEGATIVE_INFINITY

  count(topic: string, appendedAtMs: number, nowMs: number): void {
    this.#serverAheadMs = Math.max(this.#serverAheadMs, appendedAtMs - nowMs)
    let counter = this.#topics.get(topic)
    if (counter === undefined) {
      counter = new Counter()
      this.#topics.set(topic, counter)
    }
    counter.add(Math.floor(appendedAtMs / 1_000))
  }

  read(topic: string, nowMs: number): Rate {
    const counter = this.#topics.get(topic)
    return rateOf(counter?.total ?? 0, (second) => counter?.at(second) ?? 0, this.#currentSecond(nowMs))
  }

  /** Of all topics together. */
  readTotal(nowMs: number): Rate {
    const counters = [...this.#topics.values()]
    const sum = (of: (counter: Counter) => number) => counters.reduce((total, counter) => total + of(counter), 0)
    const total = sum((counter) => counter.total)
    return rateOf(total, (second) => sum((counter) => counter.at(second)), this.#currentSecond(nowMs))
  }

  #currentSecond(nowMs: number): number {
    const aheadMs = Number.isFinite(this.#serverAheadMs) ? this.#serverAheadMs : 0
    return Math.floor((nowMs + aheadMs) / 1_000)
  }
}

function rateOf(total: number, countAt: (second: number) => number, currentSecond: number): Rate {
  const history = Array.from({ length: HISTORY_SECONDS }, (_, i) => countAt(currentSecond - HISTORY_SECONDS + i))
  const recent = history.slice(-RATE_SECONDS)
  return { perSecond: recent.reduce((sum, count) => sum + count, 0) / RATE_SECONDS, total, history }
}

class Counter {
  total = 0
  readonly #seconds = new Array<number>(RING_SECONDS).fill(-1)
  readonly #counts = new Array<number>(RING_SECONDS).fill(0)

  add(second: number): void {
    this.total++
    const place = second % RING_SECONDS
    if (this.#seconds[place]! > second) return
    if (this.#seconds[place] !== second) {
      this.#seconds[place] = second
      this.#counts[place] = 0
    }
    this.#counts[place]!++
  }

  at(second: number): number {
    const place = second % RING_SECONDS
    return this.#seconds[place] === second ? this.#counts[place]! : 0
  }
}
