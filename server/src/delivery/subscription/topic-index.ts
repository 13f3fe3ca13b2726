import { type Entry, LANE_INDEXES, type LaneIndex, type Picks } from '../wire/index.ts'
import { FilteredEntry } from './filtered-entry.ts'
import { type SubscriptionPlan, scopeOf } from './subscription-plan.ts'

/** The view the index has of a subscription. */
export interface Indexed {
  readonly plan: Pick<SubscriptionPlan, 'topics' | 'scope' | 'narrower' | 'lanes' | 'filter'>
}

/**
 * Finds the subscriptions that match an entry: topic first, then event key, so that an entry of 100 events costs 100
 * look-ups however many subscriptions filter by key; lane and filter last.
 */
export class TopicIndex<S extends Indexed> {
  readonly #topics = new Map<string, { readonly all: Set<S>; readonly byKey: Map<string, Set<S>> }>()

  add(subscription: S): void {
    for (const topic of subscription.plan.topics) {
      let index = this.#topics.get(topic)
      if (index === undefined) {
        index = { all: new Set(), byKey: new Map() }
        this.#topics.set(topic, index)
      }
      const scope = scopeOf(subscription.plan, topic)
      if (scope.kind !== 'listed') {
        index.all.add(subscription)
        continue
      }
      for (const key of scope.keys) {
        const subscriptions = index.byKey.get(key)
        if (subscriptions === undefined) index.byKey.set(key, new Set([subscription]))
        else subscriptions.add(subscription)
      }
    }
  }

  remove(subscription: S): void {
    for (const topic of subscription.plan.topics) {
      const index = this.#topics.get(topic)
      if (index === undefined) continue
      index.all.delete(subscription)
      const scope = scopeOf(subscription.plan, topic)
      for (const key of scope.kind === 'listed' ? scope.keys : []) {
        const subscriptions = index.byKey.get(key)
        subscriptions?.delete(subscription)
        if (subscriptions?.size === 0) index.byKey.delete(key)
      }
      if (index.all.size === 0 && index.byKey.size === 0) this.#topics.delete(topic)
    }
  }

  /**
   * Calls `offer` for every subscription with matching events, once per lane that has some.
   *
   * @param fail gets the error of one subscription: the others still get their offers
   */
  route(
    entry: Entry,
    offer: (subscription: S, lane: LaneIndex, picks: Picks) => void,
    fail: (subscription: S, error: unknown) => void,
  ): void {
    const index = this.#topics.get(entry.topic)
    if (index === undefined) return
    const { lanePicks } = entry
    const filtered = new FilteredEntry(entry)
    for (const subscription of index.all) {
      const { plan } = subscription
      const { lanes, filter } = plan
      const scope = scopeOf(plan, entry.topic)
      try {
        const inScope = entry.picksOf(scope)
        for (const lane of LANE_INDEXES) {
          const all = lanePicks[lane]
          if (all.length === 0 || !lanes[lane]) continue
          const isWhole = scope.kind === 'all' && filter !== undefined
          const picks = isWhole ? filtered.lane(lane, filter) : filtered.only(inScope[lane], filter)
          if (picks.length > 0) offer(subscription, lane, picks)
        }
      } catch (error) {
        fail(subscription, error)
      }
    }
    if (index.byKey.size > 0) {
      for (const [subscription, picks] of matchKeys(index.byKey, entry)) {
        const { lanes, filter } = subscription.plan
        try {
          for (const lane of LANE_INDEXES) {
            if (!lanes[lane]) continue
            const passed = filtered.only(picks[lane], filter)
            if (passed.length > 0) offer(subscription, lane, passed)
          }
        } catch (error) {
          fail(subscription, error)
        }
      }
    }
  }
}

type LaneLists = readonly [number[], number[], number[]]

function matchKeys<S>(byKey: ReadonlyMap<string, ReadonlySet<S>>, entry: Entry): Map<S, LaneLists> {
  const matched = new Map<S, LaneLists>()
  for (const lane of LANE_INDEXES) {
    for (const index of entry.lanePicks[lane]) {
      for (const subscription of byKey.get(entry.header.keys[index]!) ?? []) {
        let picks = matched.get(subscription)
        if (picks === undefined) {
          picks = [[], [], []]
          matched.set(subscription, picks)
        }
        picks[lane].push(index)
      }
    }
  }
  return matched
}
