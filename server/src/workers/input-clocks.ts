import type { TopicDefinition } from '../config/model.ts'
import { SourceClock } from '../operators/index.ts'
import type { Pipeline } from './pipeline.ts'
import { begunTimes } from './progress.ts'

/** A window whose panes others read. */
interface ResultOperator {
  readonly watermark: number
  readonly dueCount: number
}

/** How far each topic that windows read has come in event time, in one partition. */
export class InputClocks {
  readonly #topics: ReadonlyMap<string, TopicDefinition>
  readonly #sources: ReadonlyMap<string, SourceClock>
  readonly #results = new Map<string, { readonly operator: ResultOperator; readonly allowedLatenessMs: number }>()

  /** @param maxTimes source topic -> largest event time seen, as stored. */
  constructor(pipeline: Pipeline, maxTimes: Readonly<Record<string, number>>) {
    this.#topics = pipeline.contract.topics
    this.#sources = new Map(pipeline.inputs.map(({ name }) => [name, new SourceClock(maxTimes[name])]))
  }

  /** Names the operator whose panes a topic holds; without one the topic is empty in this partition. */
  setResult(topic: string, operator: ResultOperator, allowedLatenessMs: number): void {
    this.#results.set(topic, { operator, allowedLatenessMs })
  }

  observe(source: string, time: number): void {
    this.#sources.get(source)!.observe(time)
  }

  /** The logs of the sources were read to their end at `now`, except those of `busy`. */
  polledEmpty(now: number, busy: ReadonlySet<string>): void {
    for (const [topic, clock] of this.#sources) if (!busy.has(topic)) clock.polledEmpty(now)
  }

  /** Logs could not be read: nothing is known of what they hold. */
  interrupted(): void {
    for (const clock of this.#sources.values()) clock.interrupted()
  }

  maxTimes(): Record<string, number> {
    return begunTimes([...this.#sources].map(([topic, { maxTime }]) => [topic, maxTime]))
  }

  /** The least of what the active inputs allow; with all idle, the latest of theirs. */
  watermark(topics: readonly string[], outOfOrdernessMs: number): number {
    const active = topics.filter((topic) => !this.#isIdle(topic))
    if (active.length > 0) return Math.min(...active.map((topic) => this.#watermark(topic, outOfOrdernessMs)))
    return Math.max(...topics.map((topic) => this.#watermark(topic, outOfOrdernessMs)))
  }

  isIdle(topics: readonly string[]): boolean {
    return topics.every((topic) => this.#isIdle(topic))
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
        // Panes that wait would come behind the watermark they belong to.
        if (result === undefined || result.operator.dueCount > 0) return Number.NEGATIVE_INFINITY
        return result.operator.watermark - result.allowedLatenessMs
      }
      case 'late':
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
        return result === undefined || (result.operator.dueCount === 0 && this.isIdle(topic.from))
      }
      case 'late':
        return true
    }
  }
}
