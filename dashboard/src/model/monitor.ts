import type { Gap } from '@tidegate/client'
import { parsePosition } from '@tidegate/protocol'
import { type Entity, entityOf } from './entities.ts'
import { GapTally } from './gap-tally.ts'
import { isPane } from './pane.ts'
import { RateMeter } from './rate-meter.ts'
import { type ReceivedEvent, RecentEvents } from './recent-events.ts'
import { RecentKeys } from './recent-keys.ts'
import { isWindow, stepMs, type Topic, type WindowTopic } from './topics.ts'
import { WindowSeries } from './window-series.ts'

/** Everything the page shows, for any config. Knows nothing of how it is drawn. */
export class Monitor {
  readonly topics: readonly Topic[]
  readonly windows: readonly WindowTopic[]
  readonly entities: readonly Entity[]
  readonly rates = new RateMeter()
  readonly urgent = new RecentEvents()
  readonly gaps = new GapTally()
  /** Selectors that the server refused for good, with its reason. */
  readonly refusals = new Map<string, string>()
  readonly #series: ReadonlyMap<string, WindowSeries>
  /** By topic. */
  readonly #recentKeys: ReadonlyMap<string, RecentKeys>

  constructor(topics: readonly Topic[], entities: readonly Entity[] = []) {
    this.topics = topics
    this.entities = entities
    this.windows = topics.filter(isWindow)
    this.#series = new Map(this.windows.map((topic) => [topic.name, new WindowSeries(stepMs(topic))]))
    const keys = new Map(entities.map(({ name }) => [name, new RecentKeys()]))
    this.#recentKeys = new Map(
      topics.flatMap((topic) => {
        const recent = keys.get(entityOf(topic) ?? '')
        return recent === undefined ? [] : [[topic.name, recent] as const]
      }),
    )
  }

  /** Keys of an entity that changed lately, the last one first; none where it publishes no topic. */
  recentKeys(entity: string): readonly string[] {
    const topic = this.topics.find((candidate) => entityOf(candidate) === entity)
    return this.#recentKeys.get(topic?.name ?? '')?.list ?? []
  }

  /** The results of a window topic of this config. */
  series(name: string): WindowSeries {
    return this.#series.get(name)!
  }

  /** @param nowMs of the page's monotonic clock */
  receive(event: ReceivedEvent, nowMs: number): void {
    this.rates.count(event.topic, appendedAtMs(event.at), nowMs)
    if (isPane(event.data)) this.#series.get(event.topic)?.add(event.data)
    if (event.lane === 'high') this.urgent.add(event)
    this.#recentKeys.get(event.topic)?.add(event.key)
  }

  /** @param nowMs the wall clock: shown to people */
  withhold(gap: Gap, nowMs: number): void {
    this.gaps.add(gap, nowMs)
  }

  refuse(selector: string, reason: string): void {
    this.refusals.set(selector, reason)
  }
}

/** A log entry's id begins with the time it was appended at. */
function appendedAtMs(at: string): number {
  return Number.parseInt(parsePosition(at)!.streamId, 10)
}
