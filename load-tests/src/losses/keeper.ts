import { createClient } from '@tidegate/client/node'
import type { LatestSubscriber, LatestTopic } from './latest.ts'
import type config from './losses.config.ts'
import { NOTE, TOTAL_KEY } from './losses.config.ts'
import { COUNTERS } from './publishers.ts'
import type { Subscriber } from './subscriber.ts'

/** A client that stays: it has handles of entities and of who is present. */
export class Keeper {
  readonly #client
  readonly #presence
  readonly #counters
  readonly #total

  constructor(url: string) {
    this.#client = createClient<typeof config>({ url })
    this.#presence = this.#client.presence(NOTE)
    this.#presence.ready.catch(() => {})
    this.#counters = Array.from({ length: COUNTERS }, (_, i) => this.#client.entity('counter', `k-${i}`))
    this.#total = this.#client.entity('total', TOTAL_KEY)
    for (const handle of [...this.#counters, this.#total]) handle.ready.catch(() => {})
  }

  /** Where a handle is not what the folds are, or somebody present is not there. */
  differing(subscribers: readonly Subscriber[], folds: readonly LatestSubscriber[]): string[] {
    const there = subscribers.filter(({ topic, isThere }) => topic === NOTE && isThere).length
    const present = [...this.#presence.present.values()].reduce((sum, { connections }) => sum + connections, 0)
    const stateIn = (topic: LatestTopic, key: string) => {
      const text = folds.find((fold) => fold.topic === topic)!.latest.get(key)
      return text === undefined ? undefined : text.slice(text.indexOf(' ') + 1)
    }
    const handles = [
      ...this.#counters.map((handle) => ({ handle, state: stateIn('counter.state', handle.key) })),
      { handle: this.#total, state: stateIn('total.state', TOTAL_KEY) },
    ]
    return [
      ...(present === there ? [] : [`${there} present in place of ${present}`]),
      ...handles.flatMap(({ handle, state }) => {
        const has = handle.state && JSON.stringify({ version: handle.state.version, state: handle.state.view })
        return has === state ? [] : [`the handle of ${handle.key} to have ${state} in place of ${has}`]
      }),
    ]
  }

  async close(): Promise<void> {
    await this.#client.close({ deadlineMs: 0 })
  }
}
