import type { SubscribeOptions } from '@tidegate/protocol'
import { type Abortable, onAbort } from '../application/abort-signal.ts'
import type { TopicEvent } from '../application/contract-types.ts'
import { Listeners } from '../application/listeners.ts'
import type { TidegateError } from '../errors/errors.ts'
import type { LiveSubscription } from '../subscriptions/subscription.ts'

/** A subject with connections. */
export interface Presence {
  readonly connections: number
  /** Ms since 1970. */
  readonly joinedAt: number
  /** What one of them has said of itself last. */
  readonly state?: unknown
}

/** A subject has joined (`before` is `undefined`), changed, or left (`now` is `undefined`). */
export interface PresenceChange {
  readonly subject: string
  readonly before: Presence | undefined
  readonly now: Presence | undefined
}

type AnyEvent = TopicEvent<string, unknown>
type Subscribe = (options: SubscribeOptions, callback: (event: AnyEvent) => unknown) => LiveSubscription<AnyEvent>

/** The entry that counts the connections that are not listed. */
const MORE_KEY = '~more'
/** A client that cannot keep up is better off with the newest of each. */
const OPTIONS: SubscribeOptions = { snapshot: true, onSlow: 'conflate' }

/** Who is subscribed to a topic, as it changes. Subscribed to `<topic>.presence` until it is closed. */
export class PresenceHandle {
  readonly #subscribe: Subscribe
  readonly #onChange = new Listeners<PresenceChange>('onChange')
  readonly #onError = new Listeners<TidegateError>('onError')
  #subscription: LiveSubscription<AnyEvent>
  #entries = new Map<string, Presence>()
  /** What a snapshot has shown so far. */
  #next: Map<string, Presence> | undefined
  #isClosed = false
  #forgetSignal = () => {}
  /** Listens while the application does: otherwise the console says what has failed. */
  readonly #failed = (error: TidegateError) => this.#onError.call(error)

  constructor(subscribe: Subscribe, { signal }: Abortable = {}) {
    this.#subscribe = subscribe
    this.#subscription = this.#open()
    if (signal !== undefined) this.#forgetSignal = onAbort(signal, () => this.close())
  }

  /** Resolves when everybody present is known. @throws TidegateError `unknown_topic` where the topic has no presence */
  get ready(): Promise<void> {
    return this.#subscription.synced
  }

  /** By subject; empty before `ready`. */
  get present(): ReadonlyMap<string, Presence> {
    const present = new Map(this.#entries)
    present.delete(MORE_KEY)
    return present
  }

  /** Connections of subjects for which `present` had no room. */
  get unlisted(): number {
    return this.#entries.get(MORE_KEY)?.connections ?? 0
  }

  /** Calls back for everybody who joins, changes or leaves, those of the first snapshot included. Returns what ends that. */
  onChange(listener: (change: PresenceChange) => void): () => void {
    return this.#onChange.add(listener)
  }

  /** Calls back if the server ends it: `present` stays as it is. Returns what ends that. */
  onError(listener: (error: TidegateError) => void): () => void {
    this.#subscription.onError(this.#failed)
    return this.#onError.add(listener)
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#forgetSignal()
    this.#subscription.close()
  }

  #open(): LiveSubscription<AnyEvent> {
    const subscription = this.#subscribe(OPTIONS, (event) => this.#take(event))
    subscription.onSnapshot((moment) => {
      if (moment === 'complete') return this.#replace()
      this.#next = new Map()
    })
    subscription.onGap(({ fetchable }) => {
      // Otherwise a snapshot comes by itself.
      if (fetchable) this.#startAnew()
    })
    return subscription
  }

  /** Somebody may have come or gone unseen. */
  #startAnew(): void {
    if (this.#isClosed) return
    this.#subscription.close()
    this.#next = undefined
    this.#subscription = this.#open()
    if (this.#onError.size > 0) this.#subscription.onError(this.#failed)
  }

  /** Returns what the next event waits for. */
  #take({ key, data, snapshot }: AnyEvent): unknown {
    const presence = data as Presence | null
    // What somebody else wrote into the topic.
    if (typeof presence?.connections !== 'number') return undefined
    if (snapshot && this.#next !== undefined) return this.#next.set(key, presence)
    return this.#change(key, presence.connections > 0 ? presence : undefined)
  }

  /** Rejects as the first listener does, once all changes are told. */
  async #replace(): Promise<void> {
    const next = this.#next ?? new Map<string, Presence>()
    this.#next = undefined
    let failed: Promise<unknown> | undefined
    for (const key of new Set([...this.#entries.keys(), ...next.keys()])) {
      const pending = this.#change(key, next.get(key))
      if (pending !== undefined) await pending.catch(() => (failed ??= pending))
    }
    await failed
  }

  #change(subject: string, now: Presence | undefined): Promise<unknown> | undefined {
    const before = this.#entries.get(subject)
    if (JSON.stringify(before) === JSON.stringify(now)) return undefined
    if (now === undefined) this.#entries.delete(subject)
    else this.#entries.set(subject, now)
    return subject === MORE_KEY ? undefined : this.#onChange.call({ subject, before, now })
  }
}
