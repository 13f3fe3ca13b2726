import type { TopicEvent } from '@tidegate/client'

export type ReceivedEvent = TopicEvent<string, unknown>

/** Events kept: more than anybody scrolls through while new ones come in. */
export const MAX_RECENT = 100

/** The last events, newest first, and how many there were. */
export class RecentEvents {
  readonly #events: ReceivedEvent[] = []
  #count = 0

  /** All events added so far, also those no longer kept. */
  get count(): number {
    return this.#count
  }

  add(event: ReceivedEvent): void {
    this.#count++
    this.#events.push(event)
    if (this.#events.length > MAX_RECENT) this.#events.shift()
  }

  /** What came after the first `count` events and is still kept, newest first. */
  since(count: number): readonly ReceivedEvent[] {
    const fresh = Math.min(this.#count - count, this.#events.length)
    return fresh === 0 ? [] : this.#events.slice(-fresh).reverse()
  }
}
