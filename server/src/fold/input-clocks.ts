import type { EventBody, WindowSource } from '../bus/index.ts'
import type { TopicDefinition, WindowTopic } from '../config/model.ts'
import { type FleetClock, SourceClock } from '../operators/index.ts'
import type { Pipeline } from './pipeline.ts'
import { begunTimes } from './progress.ts'

/** A window whose panes are read by other stages. */
interface ResultOperator {
  readonly watermark: number
  readonly dueCount: number
}

/** The clocks of one window's sources. */
interface Fleet {
  readonly clock: FleetClock
  readonly nameOf: (event: EventBody) => string
  /** Source topics. */
  readonly topics: readonly string[]
}

/** Event-time progress of each topic that windows read, in one partition. */
export class InputClocks {
  readonly #pipeline: Pipeline
  readonly #topics: ReadonlyMap<string, TopicDefinition>
  readonly #sources: ReadonlyMap<string, SourceClock>
  /** Window -> its sources' clocks. */
  readonly #fleets = new Map<string, Fleet>()
  /** Source topic -> the clocks it moves. */
  readonly #fleetsOf = new Map<string, Fleet[]>()
  readonly #results = new Map<string, { readonly operator: ResultOperator; readonly allowedLatenessMs: number }>()

  /** @param maxTimes source topic -> largest event time seen, as stored. */
  constructor(pipeline: Pipeline, maxTimes: Readonly<Record<string, number>>) {
    this.#pipeline = pipeline
    this.#topics = pipeline.contract.topics
    this.#sources = new Map(pipeline.inputs.map(({ name }) => [name, new SourceClock(maxTimes[name])]))
  }

  /** Names the operator whose panes a topic holds; without one the topic is empty in this partition. */
  setResult(topic: string, operator: ResultOperator, allowedLatenessMs: number): void {
    this.#results.set(topic, { operator, allowedLatenessMs })
  }

  /** Gives a window a clock per source, or per key, instead of one for each of its topics. */
  setFleet({ name, from, spec }: WindowTopic, clock: FleetClock): void {
    const nameOf = spec.clockPer === 'key' ? keyOf : sourceOf
    const fleet = { clock, nameOf, topics: from.flatMap((topic) => this.#pipeline.rootsOf(topic)) }
    this.#fleets.set(name, fleet)
    for (const topic of fleet.topics) this.#fleetsOf.set(topic, [...(this.#fleetsOf.get(topic) ?? []), fleet])
  }

  observe(topic: string, events: readonly EventBody[]): void {
    let latest = Number.NEGATIVE_INFINITY
    for (const { time } of events) if (time > latest) latest = time
    if (events.length > 0) this.#sources.get(topic)!.observe(latest)
    for (const { clock, nameOf } of this.#fleetsOf.get(topic) ?? []) {
      for (const event of events) clock.observe(nameOf(event), event.time)
    }
  }

  /** Everything in the logs at `now` was folded, except in those of `behind`. */
  readToEnd(now: number, behind: ReadonlySet<string>): void {
    for (const { clock, topics } of this.#fleets.values()) {
      if (topics.some((topic) => behind.has(topic))) clock.interrupted()
      else clock.readToEnd(now)
    }
  }

  /** The logs of the sources were read to their end at `now`, except those of `busy`. */
  polledEmpty(now: number, busy: ReadonlySet<string>): void {
    for (const [topic, clock] of this.#sources) if (!busy.has(topic)) clock.polledEmpty(now)
  }

  /** Logs could not be read: their contents are unknown. */
  interrupted(): void {
    for (const clock of this.#sources.values()) clock.interrupted()
    for (const { clock } of this.#fleets.values()) clock.interrupted()
  }

  /** For each window with a clock per source or key, the one furthest behind. */
  slowestSources(): WindowSource[] {
    return [...this.#fleets].flatMap(([window, { clock }]) => {
      const { slowest } = clock
      return slowest === undefined ? [] : [{ window, ...slowest }]
    })
  }

  maxTimes(): Record<string, number> {
    return begunTimes([...this.#sources].map(([topic, { maxTime }]) => [topic, maxTime]))
  }

  /** The watermark its inputs allow a window: the least of the active ones; with all idle, the latest. */
  watermarkFor({ name, from: topics, spec: { outOfOrdernessMs, maxBehindMs } }: WindowTopic): number {
    const fleet = this.#fleets.get(name)
    if (fleet !== undefined) return fleet.clock.watermark(outOfOrdernessMs, maxBehindMs)
    const active = topics.filter((topic) => !this.#isIdle(topic))
    if (active.length > 0) return Math.min(...active.map((topic) => this.#watermark(topic, outOfOrdernessMs)))
    return Math.max(...topics.map((topic) => this.#watermark(topic, outOfOrdernessMs)))
  }

  /** Whether a window has no input. */
  isIdleFor({ name, from }: WindowTopic): boolean {
    return this.#fleets.get(name)?.clock.isIdle ?? from.every((topic) => this.#isIdle(topic))
  }

  #watermark(name: string, outOfOrdernessMs: number): number {
    const topic = this.#topics.get(name)!
    switch (topic.kind) {
      case 'source':
        return this.#sources.get(name)!.watermark(outOfOrdernessMs)
      case 'flow':
        return this.#watermark(topic.from, outOfOrdernessMs)
      case 'window': {
        const result = this.#results.get(name)
        // Waiting panes would come behind the watermark they belong to.
        if (result === undefined || result.operator.dueCount > 0) return Number.NEGATIVE_INFINITY
        return result.operator.watermark - result.allowedLatenessMs
      }
      case 'state':
      case 'events':
      case 'late':
      case 'presence':
        return Number.NEGATIVE_INFINITY
    }
  }

  #isIdle(name: string): boolean {
    const topic = this.#topics.get(name)!
    switch (topic.kind) {
      case 'source':
        return this.#sources.get(name)!.isIdle
      case 'flow':
        return this.#isIdle(topic.from)
      case 'window': {
        const result = this.#results.get(name)
        return result === undefined || (result.operator.dueCount === 0 && this.isIdleFor(topic))
      }
      case 'state':
      case 'events':
      case 'late':
      case 'presence':
        return true
    }
  }
}

function keyOf({ key }: EventBody): string {
  return key
}

/** Events without a source share one clock. */
function sourceOf({ source }: EventBody): string {
  return source ?? ''
}
