import type { Subscription } from '@tidegate/client/node'
import type { PositionVector } from '@tidegate/protocol'
import type { LATEST } from './losses.config.ts'
import { type Client, Visitor } from './visitor.ts'

export type LatestTopic = (typeof LATEST)[number]

/** The latest event of each key, as text. */
export type Latest = ReadonlyMap<string, string>

interface Stored {
  readonly id: string
  readonly key: string
  readonly time: number
  readonly data: unknown
}

/** The latest event of each key: one of the same or a later time takes the place of the one before. */
export class Fold {
  readonly #events = new Map<string, Stored>()

  take(event: Stored): void {
    const known = this.#events.get(event.key)
    if (known === undefined || event.time >= known.time) this.#events.set(event.key, event)
  }

  get latest(): Latest {
    return new Map([...this.#events].map(([key, { id, data }]) => [key, `${id} ${JSON.stringify(data)}`]))
  }
}

/** In words, where one has something else than the other. */
export function differences(name: string, has: Latest, should: Latest): string[] {
  return [...new Set([...has.keys(), ...should.keys()])]
    .filter((key) => has.get(key) !== should.get(key))
    .map((key) => `${name} of ${key}: ${should.get(key)} in place of ${has.get(key)}`)
}

/** One that begins with a snapshot, and folds what follows. */
export class LatestSubscriber extends Visitor {
  readonly topic: LatestTopic
  #fold = new Fold()
  /** What a snapshot has shown so far. */
  #next: Fold | undefined
  #isSynced = false

  constructor(topic: LatestTopic, gateway: number, urlOf: (gateway: number) => string) {
    super(`fold of ${topic}`, gateway, urlOf)
    this.topic = topic
    this.enter()
  }

  get latest(): Latest {
    return this.#fold.latest
  }

  get isReady(): boolean {
    return this.#isSynced
  }

  protected get mayLeave(): boolean {
    return this.#isSynced
  }

  protected subscribe(client: Client, positions: PositionVector | undefined): Subscription<unknown> {
    const options = { snapshot: true, ...(positions !== undefined && { from: { positions } }) }
    const subscription = client.subscribe(this.topic, options, (event) => {
      if (event.snapshot && this.#next !== undefined) this.#next.take(event)
      else this.#fold.take(event)
    })
    subscription.onSnapshot((moment) => {
      this.#isSynced = moment === 'complete'
      if (moment === 'begins') this.#next = new Fold()
      else if (this.#next !== undefined) {
        this.#fold = this.#next
        this.#next = undefined
      }
    })
    return subscription
  }

  protected entered(subscription: Subscription<unknown>): void {
    this.#isSynced = false
    subscription.synced.then(
      () => {
        if (this.isPresent(subscription)) this.#isSynced = this.#next === undefined
      },
      () => {},
    )
  }
}
