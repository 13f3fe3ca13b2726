import { createClient, type Subscription, type TidegateClient } from '@tidegate/client/node'
import type { PositionVector } from '@tidegate/protocol'
import type config from './losses.config.ts'
import type { LATEST } from './losses.config.ts'

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

/** An SDK client that begins with a snapshot, folds what follows, leaves and resumes. */
export class LatestSubscriber {
  readonly name: string
  readonly topic: LatestTopic
  readonly errors: string[] = []
  readonly #urlOf: (gateway: number) => string
  #gateway: number
  #fold = new Fold()
  /** What a snapshot has shown so far. */
  #next: Fold | undefined
  #client: TidegateClient<typeof config> | undefined
  #subscription: Subscription<unknown> | undefined
  #positions: PositionVector | undefined
  #isSynced = false

  constructor(topic: LatestTopic, gateway: number, urlOf: (gateway: number) => string) {
    this.name = `fold of ${topic}`
    this.topic = topic
    this.#gateway = gateway
    this.#urlOf = urlOf
    this.enter()
  }

  get latest(): Latest {
    return this.#fold.latest
  }

  get isReady(): boolean {
    return this.#isSynced
  }

  get isThere(): boolean {
    return this.#client !== undefined
  }

  enter(): void {
    if (this.#client !== undefined) return
    const client = createClient<typeof config>({ url: this.#urlOf(this.#gateway) })
    const positions = this.#positions
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
    subscription.onError((error) => this.errors.push(`${this.name}: ${error.message}`))
    this.#client = client
    this.#subscription = subscription
    this.#isSynced = false
    subscription.synced.then(
      () => {
        if (this.#subscription === subscription) this.#isSynced = this.#next === undefined
      },
      () => {},
    )
  }

  async leave(elsewhere: boolean): Promise<boolean> {
    if (this.#client === undefined || !this.#isSynced) return false
    const client = this.#client
    this.#client = undefined
    this.#positions = this.#subscription!.positions
    this.#subscription!.close()
    if (elsewhere) this.#gateway = 1 - this.#gateway
    await client.close({ deadlineMs: 0 })
    return true
  }

  async close(): Promise<void> {
    await this.#client?.close({ deadlineMs: 0 })
  }
}
