import type { EventBody, WindowSource } from '../bus/index.ts'
import type { TopicDefinition, WindowTopic } from '../config/contract/model.ts'
import { endedWatermark, type FleetClock, SourceClock } from '../operators/index.ts'
import type { InputBatch } from './input-batch.ts'
import type { OpenSources } from './open-sources.ts'
import type { Pipeline } from './pipeline.ts'
import { begunTimes } from './progress.ts'

/** A window whose panes are read by other stages. */
interface ResultOperator {
  readonly watermark: number
  readonly dueCount: number
  readonly hasOpen: boolean
  /** Only of a merged window: whether input has ended in every partition. */
  readonly hasEnded?: boolean
}

/** How far the input of a topic has come to its end: it may come, it has ended, or there was none that could. */
type Ending = 'open' | 'ended' | 'none'

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
  readonly #open: OpenSources
  /** Source topics that windows are computed from. */
  readonly #watched: ReadonlySet<string>
  /** The clock when the logs were last polled. */
  #now = Number.NEGATIVE_INFINITY
  readonly #results = new Map<string, { readonly operator: ResultOperator; readonly allowedLatenessMs: number }>()

  /** @param maxTimes source topic -> largest event time seen, as stored. */
  constructor(pipeline: Pipeline, maxTimes: Readonly<Record<string, number>>, open: OpenSources) {
    this.#pipeline = pipeline
    this.#open = open
    this.#watched = new Set(pipeline.windows.flatMap(({ name }) => pipeline.sourcesOf(name)))
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

  observe({ topic, events, ends }: Pick<InputBatch, 'topic' | 'events' | 'ends'>): void {
    let latest = Number.NEGATIVE_INFINITY
    for (const { time } of events) if (time > latest) latest = time
    if (events.length > 0) this.#sources.get(topic)!.observe(latest)
    for (const { clock, nameOf } of this.#fleetsOf.get(topic) ?? []) {
      for (const event of events) clock.observe(nameOf(event), event.time)
    }
    if (!this.#watched.has(topic)) return
    this.#open.observe({ topic, events, ends })
    if (ends.length > 0) this.#endClocks(topic)
  }

  /** No more input comes of any topic. */
  endAll(): void {
    for (const topic of this.#watched) this.observe({ topic, events: [], ends: [{ after: 0 }] })
  }

  /** Clocks of ended sources hold nobody back. Which keys a source has is not known: they wait until they are idle. */
  #endClocks(topic: string): void {
    for (const { clock, nameOf, topics } of this.#fleetsOf.get(topic) ?? []) {
      if (nameOf !== sourceOf) continue
      clock.end((source) => !topics.some((each) => this.#open.isOpen(each, source)))
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
    this.#now = now
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

  /** Whether a window has no input and none will come: every topic that had any has ended. */
  hasEndedFor(window: WindowTopic): boolean {
    if (!this.isIdleFor(window)) return false
    const endings = window.from.map((topic) => this.#endingOf(topic))
    return endings.includes('ended') && !endings.includes('open')
  }

  /** How far the end of its input lets a window close. */
  endedWatermark({ spec }: WindowTopic, openUntil: number): number {
    return endedWatermark(openUntil, this.#now, spec.outOfOrdernessMs)
  }

  #endingOf(name: string): Ending {
    const topic = this.#topics.get(name)!
    switch (topic.kind) {
      case 'source':
        if (!this.#open.knows(name)) return Number.isFinite(this.#sources.get(name)!.maxTime) ? 'open' : 'none'
        return this.#open.hasEnded(name) ? 'ended' : 'open'
      case 'flow':
        return this.#endingOf(topic.from)
      case 'window': {
        const operator = this.#results.get(name)?.operator
        // Its panes are in other partitions.
        if (operator === undefined) return 'ended'
        if (operator.hasOpen || operator.dueCount > 0) return 'open'
        return (operator.hasEnded ?? this.hasEndedFor(topic)) ? 'ended' : 'open'
      }
      case 'state':
      case 'events':
      case 'late':
      case 'presence':
        return 'none'
    }
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
