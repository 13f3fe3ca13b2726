import type { Filter, FilterableEvent } from '../../filter/index.ts'
import type { Entry, LaneIndex, Picks } from '../wire/index.ts'

/**
 * One entry under the filters of its subscriptions: an event is parsed at most once, and a filter over a whole lane
 * runs once however many subscriptions share it. To be dropped after the offer, so that no parsed event outlives it.
 */
export class FilteredEntry {
  readonly #entry: Entry
  readonly #events: (FilterableEvent | undefined)[] = []
  readonly #lanes = new Map<string, (Picks | undefined)[]>()

  constructor(entry: Entry) {
    this.#entry = entry
  }

  /** The events of a lane that pass the filter. */
  lane(lane: LaneIndex, filter: Filter): Picks {
    let lanes = this.#lanes.get(filter.text)
    if (lanes === undefined) {
      lanes = []
      this.#lanes.set(filter.text, lanes)
    }
    lanes[lane] ??= this.only(this.#entry.lanePicks[lane], filter)
    return lanes[lane]
  }

  /** Those of some events that pass the filter. */
  only(picks: Picks, filter: Filter | undefined): Picks {
    return filter === undefined ? picks : picks.filter((index) => filter.matches(this.#event(index)))
  }

  #event(index: number): FilterableEvent {
    this.#events[index] ??= new StoredEvent(this.#entry, index)
    return this.#events[index]
  }
}

type Body = Pick<FilterableEvent, 'id' | 'source' | 'data'>

/** Key and time come from the header; any other field parses the JSON, once. */
class StoredEvent implements FilterableEvent {
  readonly #entry: Entry
  readonly #index: number
  #parsed: Body | undefined

  constructor(entry: Entry, index: number) {
    this.#entry = entry
    this.#index = index
  }

  get key(): string {
    return this.#entry.header.keys[this.#index]!
  }

  get time(): number {
    return this.#entry.header.times[this.#index]!
  }

  get id(): unknown {
    return this.#body.id
  }

  get source(): unknown {
    return this.#body.source
  }

  get data(): unknown {
    return this.#body.data
  }

  get #body(): Body {
    this.#parsed ??= JSON.parse(this.#entry.jsonOf(this.#index)) as Body
    return this.#parsed
  }
}
