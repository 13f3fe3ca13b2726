import type { Subscription, TidegateClient, TopicEvent } from '@tidegate/client'
import { READING } from './disconnects.config.ts'

/** Ids of events by key, oldest first. */
export type ByKey = ReadonlyMap<string, readonly string[]>

/** One subscription of a player, and what came on it. */
export class Watch {
  readonly start: 'earliest' | 'now'
  readonly seen = new Map<string, string[]>()
  gaps = 0
  isOpen = true
  readonly #subscription: Subscription<TopicEvent<string, unknown>>
  readonly settled: Promise<unknown>

  /** @param iterates it is read by a loop instead of a callback */
  constructor(client: TidegateClient, keys: readonly string[], start: Watch['start'], iterates: boolean) {
    this.start = start
    const options = { keys, from: start }
    this.#subscription = iterates
      ? client.subscribe(READING, options)
      : client.subscribe(READING, options, (event) => this.#take(event))
    this.#subscription.onGap(() => {
      this.gaps++
    })
    const { ready, synced } = this.#subscription
    this.settled = Promise.allSettled([ready, synced, iterates ? this.#read() : undefined])
  }

  close(): void {
    this.isOpen = false
    this.#subscription.close()
  }

  /** Whether it has these events; those of a key of which it began in the middle, from there on. */
  hasAll(events: readonly { readonly id: string; readonly key: string }[]): boolean {
    const newest = new Map(events.map(({ id, key }) => [key, id]))
    return events.every(({ id, key }) => {
      const seen = this.seen.get(key)
      if (seen === undefined) return this.start === 'now'
      return seen.includes(this.start === 'now' ? newest.get(key)! : id)
    })
  }

  /** Compares what came with the log. */
  faults(log: ByKey): string[] {
    const faults = this.gaps > 0 ? [`${this.gaps} gaps were reported`] : []
    for (const [key, ids] of this.seen) {
      const stored = log.get(key) ?? []
      const first = stored.indexOf(ids[0]!)
      const isSame = ids.every((id, i) => stored[first + i] === id)
      if (first < 0 || !isSame) faults.push(`${key}: got ${ids}, of ${stored}`)
      if (this.start === 'earliest' && first > 0) faults.push(`${key}: began with ${ids[0]}, not ${stored[0]}`)
      if (this.isOpen && ids.at(-1) !== stored.at(-1)) faults.push(`${key}: ended with ${ids.at(-1)}`)
    }
    return faults
  }

  async #read(): Promise<void> {
    for await (const event of this.#subscription) this.#take(event)
  }

  #take({ id, key }: { readonly id: string; readonly key: string }): void {
    this.seen.set(key, [...(this.seen.get(key) ?? []), id])
  }
}
