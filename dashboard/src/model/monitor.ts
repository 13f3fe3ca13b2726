import type { Gap } from '@tidegate/client'
import { type Entity, entityOf } from './entities.ts'
import { Freshness } from './freshness.ts'
import { GapTally } from './gap-tally.ts'
import { KeyStyles } from './key-styles.ts'
import { isPane } from './pane.ts'
import { Rates } from './rates.ts'
import { type ReceivedEvent, RecentEvents } from './recent-events.ts'
import { RecentKeys } from './recent-keys.ts'
import type { Operations } from './status.ts'
import { isWindow, stepMs, type Topic, type WindowTopic } from './topics.ts'
import { WindowSeries } from './window-series.ts'

/** Everything the page shows, for any config. Knows nothing of how it is drawn. */
export class Monitor {
  readonly topics: readonly Topic[]
  readonly windows: readonly WindowTopic[]
  readonly entities: readonly Entity[]
  readonly rates = new Rates()
  readonly freshness = new Freshness()
  readonly keyStyles = new KeyStyles()
  readonly urgent = new RecentEvents()
  readonly gaps = new GapTally()
  /** Selectors that the server refused for good, with its reason. */
  readonly refusals = new Map<string, string>()
  operations: Operations = { kind: 'waiting' }
  readonly #series: ReadonlyMap<string, WindowSeries>
  /** By entity. */
  readonly #recentKeys: ReadonlyMap<string, RecentKeys>

  constructor(topics: readonly Topic[], entities: readonly Entity[] = []) {
    this.topics = topics
    this.entities = entities
    this.windows = topics.filter(isWindow)
    this.#series = new Map(this.windows.map((topic) => [topic.name, new WindowSeries(stepMs(topic))]))
    this.#recentKeys = new Map(entities.map(({ name }) => [name, new RecentKeys()]))
  }

  /** The topic that tells of changes of an entity; undefined where it publishes none. */
  changesOf(entity: string): Topic | undefined {
    return this.topics.find((candidate) => entityOf(candidate) === entity)
  }

  /** Keys of an entity that changed lately, the last one first; none where it publishes no topic. */
  recentKeys(entity: string): readonly string[] {
    return this.#recentKeys.get(entity)?.list ?? []
  }

  /** The results of a window topic of this config. */
  series(name: string): WindowSeries {
    return this.#series.get(name)!
  }

  /** An event of the high lane, of any topic. */
  receiveUrgent(event: ReceivedEvent): void {
    this.urgent.add(event)
  }

  /** A result of a window. */
  receiveResult(event: ReceivedEvent): void {
    if (isPane(event.data)) this.#series.get(event.topic)?.add(event.data)
  }

  /** An event of an entity, or its state. */
  receiveChange(entity: string, event: ReceivedEvent): void {
    this.#recentKeys.get(entity)?.add(event.key)
  }

  /** @param nowMs the wall clock: shown to people */
  withhold(gap: Gap, nowMs: number): void {
    this.gaps.add(gap, nowMs)
  }

  refuse(selector: string, reason: string): void {
    this.refusals.set(selector, reason)
  }
}
