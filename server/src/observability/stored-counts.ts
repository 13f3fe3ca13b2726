import type { StoredReport } from '../bus/index.ts'
import type { WallClock } from '../clock.ts'

/** Twice a second of a screen is too restless to read, and a minute of it fits a small line. */
const STEP_MS = 2_000
const STEPS = 30
/** A power of two above the steps that are reported, so that the one under way has a place too. */
const RING = 32
/** A report travels to Redis every second: this many topics take about 30 KB. */
const MAX_TOPICS = 200

/** Events that this process has stored, by topic: in all, and in each step of the last minute. */
export class StoredCounts {
  readonly #clock: WallClock
  readonly #topics = new Map<string, Counter>()

  constructor(clock: WallClock) {
    this.#clock = clock
  }

  /** Called for every slice: MUST be quick. */
  readonly add = (topic: string, events: number): void => {
    let counter = this.#topics.get(topic)
    if (counter === undefined) {
      counter = new Counter()
      this.#topics.set(topic, counter)
    }
    counter.add(this.#step(), events)
  }

  report(): StoredReport {
    const at = this.#clock.now()
    const step = Math.floor(at / STEP_MS)
    const most = [...this.#topics].sort(([, a], [, b]) => b.total - a.total).slice(0, MAX_TOPICS)
    const topics = most.map(([topic, counter]) => [topic, { total: counter.total, recent: counter.before(step) }])
    return { stepMs: STEP_MS, until: step * STEP_MS, at, topics: Object.fromEntries(topics) }
  }

  #step(): number {
    return Math.floor(this.#clock.now() / STEP_MS)
  }
}

class Counter {
  total = 0
  readonly #steps = new Array<number>(RING).fill(-1)
  readonly #counts = new Array<number>(RING).fill(0)

  add(step: number, events: number): void {
    this.total += events
    const place = step % RING
    // After the clock was set back its place may belong to a later one.
    if (this.#steps[place] !== step) {
      this.#steps[place] = step
      this.#counts[place] = 0
    }
    this.#counts[place]! += events
  }

  /** Of the steps before this one. */
  before(step: number): number[] {
    const counts = Array.from({ length: STEPS }, (_, i) => this.#at(step - STEPS + i))
    const first = counts.findIndex((count) => count > 0)
    return first === -1 ? [] : counts.slice(first)
  }

  #at(step: number): number {
    const place = step % RING
    return this.#steps[place] === step ? this.#counts[place]! : 0
  }
}
