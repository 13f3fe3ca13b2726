import type {
  BatchPart,
  ClientFrame,
  GapFrame,
  OnSlow,
  SubscribeOptions,
  SubscriptionLedger,
  PositionVector as WireVector,
  WithheldCounts,
} from '@tidegate/protocol'
import { expectOptions } from './arguments.ts'
import { callBack } from './call-back.ts'
import type { TopicEvent } from './contract-types.ts'
import type { FrameReceipt } from './credit.ts'
import { clientError, type TidegateError } from './errors.ts'
import { type Gap, openGap } from './gap.ts'
import { Listeners } from './listeners.ts'
import { CHANGE_OPTIONS, type OptionChange, OptionChanges } from './option-changes.ts'
import { PositionVector } from './position-vector.ts'
import { warn } from './warn.ts'

/**
 * How a subscription is treated while its client cannot keep up, as granted by the server, which may differ from the
 * request.
 */
export interface GrantedPolicy {
  readonly onSlow: OnSlow
  readonly maxRate?: number
}

/** The view a subscription has of its client. */
export interface SubscriptionHost {
  /** The server ended it. @param isHeard whether something of the subscription says so to the application */
  failed(error: TidegateError, isHeard: boolean, selector: string): void
  send(frame: ClientFrame): void
  ask(query: string, params: Readonly<Record<string, unknown>>): Promise<unknown>
  /** The application closed it. */
  closed(): void
}

/**
 * One subscription, over all connections of its client. Give a callback, or iterate once: events wait for the iterator,
 * and waiting events count against the window of the connection, so that an iterator that is never read stops all of
 * the client's subscriptions. Leaving the loop closes the subscription; if the server ends it, the iterator throws the
 * reason.
 */
export interface Subscription<Event> extends AsyncIterable<Event> {
  /**
   * Resolves when the server has granted it; rejects with a TidegateError when it refused, or the client closed before.
   */
  readonly ready: Promise<void>
  /**
   * Up to where the application has everything: passed as `from: { positions }`, a later subscription resumes here.
   * Before `ready` these are the requested positions; without any they are empty, and a subscription must not resume
   * from them.
   */
  readonly positions: WireVector
  /**
   * Resolves when the whole snapshot has arrived, at once with `ready` if none was requested; rejects as `ready` does.
   * Until then a subscription must not resume from `positions`.
   */
  readonly synced: Promise<void>
  /** Events handed to the application, snapshots aside. */
  readonly delivered: number
  /** Events received again after a reconnect and dropped. */
  readonly repeats: number
  /** Gaps delivered. */
  readonly gaps: number
  /** Events withheld in favour of later ones of their keys, as reported so far. */
  readonly conflated: number
  /** Events withheld by sampling, as reported so far. */
  readonly sampled: number
  /** `undefined` until it was granted. */
  readonly policy: GrantedPolicy | undefined
  /**
   * Calls back for every gap on arrival, ahead of events that wait for an iterator. Dropped events can be fetched
   * later, when the client has time: `if (gap.fetchable) for await (const event of gap.fetch()) ...`. Returns a
   * function that ends that.
   */
  onGap(listener: (gap: Gap<Event>) => void): () => void
  /**
   * Calls back when the server has refused or ended the subscription for good. `ready` or the iterator say so too; where
   * nobody listens to any of them, the console has a warning. Returns a function that ends that.
   */
  onError(listener: (error: TidegateError) => void): () => void
  /**
   * Calls back when a snapshot `begins` - the first one, or another where it is not known what came since: a key that is not
   * in it is gone - and when it is `complete`. Returns a function that ends that.
   */
  onSnapshot(listener: (moment: SnapshotMoment) => void): () => void
  /**
   * Changes options at the subscription's present position, without losing or repeating anything: `change({ maxRate: 2
   * })`, `change({ maxRate: undefined })`. Resolves when the server has granted it.
   *
   * @throws TidegateError with the server's code if it refuses; the subscription then continues as it was. `closed`.
   */
  change(options: OptionChange): Promise<void>
  /**
   * The server's account of the events that matched on this connection: `matched` is always the sum of the others.
   *
   * @throws TidegateError `no_answer` after 10 s, `closed`, `unknown_subscription` before it was granted.
   */
  ledger(): Promise<SubscriptionLedger>
  /** Ends the subscription and its iterator; events that wait for it are dropped. Idempotent. */
  close(): void
}

/** When so many events wait for an iterator that nobody has asked for, the console says so. */
const UNREAD_EVENTS = 32
export type SnapshotMoment = 'begins' | 'complete'

/** Items that wait for the iterator, in order. */
type Waiting<Event> =
  | { readonly kind: 'event'; readonly event: Event; readonly receipt: FrameReceipt }
  | { readonly kind: 'resolved'; readonly positions: WireVector }

type Ending = { readonly by: 'application' } | { readonly by: 'server'; readonly reason: TidegateError }

/** The part of a subscription that the client drives. */
export class ActiveSubscription<Event extends TopicEvent<string, unknown>> implements Subscription<Event> {
  delivered = 0
  repeats = 0
  gaps = 0
  conflated = 0
  sampled = 0
  policy: GrantedPolicy | undefined
  readonly #sub: number
  readonly selector: string
  readonly #options: OptionChanges
  readonly #callback: ((event: Event) => void) | undefined
  readonly #host: SubscriptionHost
  /** Received positions: events below are repeats, and a new connection resumes here. */
  readonly #received = new PositionVector()
  /** Positions handed to the application: the same, unless events wait for the iterator. */
  readonly #handedOn: PositionVector
  readonly #onGap = new Listeners<Gap<Event>>('onGap')
  readonly #onSnapshot = new Listeners<SnapshotMoment>('onSnapshot')
  readonly #onError = new Listeners<TidegateError>('onError')
  readonly #ready: Promise<void>
  readonly #synced: Promise<void>
  /** Somebody has one of the promises. */
  #isAwaited = false
  #isIterated = false
  readonly #waiting: Waiting<Event>[] = []
  readonly #sleepers = new Set<() => void>()
  #granted = false
  #isInSnapshot = false
  /** Ended by the server since it was granted last: what it covers may have changed. */
  #wasEnded = false
  #ending: Ending | undefined
  #resolveReady!: () => void
  #rejectReady!: (error: TidegateError) => void
  #resolveSynced!: () => void
  #rejectSynced!: (error: TidegateError) => void

  constructor(
    sub: number,
    selector: string,
    options: SubscribeOptions,
    callback: ((event: Event) => void) | undefined,
    host: SubscriptionHost,
  ) {
    this.#sub = sub
    this.selector = selector
    this.#options = new OptionChanges(options, ({ from: _, ...changed }) => {
      host.send({ type: 'subscribe', sub, topic: selector, ...changed })
    })
    this.#callback = callback
    this.#host = host
    this.#handedOn = callback === undefined ? new PositionVector() : this.#received
    if (typeof options.from === 'object' && 'positions' in options.from) this.resolved(options.from.positions)
    this.#ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.#synced = new Promise((resolve, reject) => {
      this.#resolveSynced = resolve
      this.#rejectSynced = reject
    })
    // An application that does not await them must not be ended by their rejection.
    this.#ready.catch(() => {})
    this.#synced.catch(() => {})
  }

  get ready(): Promise<void> {
    this.#isAwaited = true
    return this.#ready
  }

  get synced(): Promise<void> {
    this.#isAwaited = true
    return this.#synced
  }

  get positions(): WireVector {
    return this.#handedOn.toWire()
  }

  onGap(listener: (gap: Gap<Event>) => void): () => void {
    return this.#onGap.add(listener)
  }

  onSnapshot(listener: (moment: SnapshotMoment) => void): () => void {
    return this.#onSnapshot.add(listener)
  }

  onError(listener: (error: TidegateError) => void): () => void {
    return this.#onError.add(listener)
  }

  async change(options: OptionChange): Promise<void> {
    expectOptions('change', CHANGE_OPTIONS, options)
    if (this.#ending !== undefined) throw clientError('closed')
    return this.#options.request(options)
  }

  async ledger(): Promise<SubscriptionLedger> {
    if (this.#ending !== undefined) throw clientError('closed')
    return (await this.#host.ask('ledger', { sub: this.#sub })) as SubscriptionLedger
  }

  close(): void {
    if (this.#ending !== undefined) return
    this.#end({ by: 'application' }, clientError('closed'))
    this.#waiting.length = 0
    this.#host.closed()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    this.#isIterated = true
    try {
      for (;;) {
        const next = this.#waiting.shift()
        if (next?.kind === 'event') {
          this.#take(next.event, next.receipt)
          yield next.event
        } else if (next !== undefined) this.#handedOn.merge(next.positions)
        else if (this.#ending?.by === 'server') throw this.#ending.reason
        else if (this.#ending !== undefined) return
        else await new Promise<void>((resolve) => this.#sleepers.add(resolve))
      }
    } finally {
      this.close()
    }
  }

  /** The subscribe frame: from its present position, or from where the application said. */
  frame(): ClientFrame {
    const { from: asked, ...options } = this.#options.options
    const absent = this.#wasEnded && ({ absent: 'now' } as const)
    const start = this.#isInSnapshot ? undefined : { positions: this.#received.toWire(), ...absent }
    const from = this.#granted ? start : asked
    this.#options.asked()
    return { type: 'subscribe', sub: this.#sub, topic: this.selector, ...options, ...(from && { from }) }
  }

  /** The server begins to deliver: from these positions on, or first a snapshot. */
  granted(positions: WireVector, policy: GrantedPolicy, snapshot: boolean): void {
    this.#wasEnded = false
    this.#granted = true
    this.#isInSnapshot ||= snapshot
    if (snapshot) this.#onSnapshot.call('begins')
    if (!this.#isInSnapshot) this.#resolveSynced()
    this.policy = policy
    this.resolved(positions)
    this.#resolveReady()
    this.#options.granted()
  }

  /** Whether the next answer is that to a change. */
  get isChanging(): boolean {
    return this.#options.isAsking
  }

  /** Requests the change again that was refused for now. */
  askAgain(): void {
    this.#options.askAgain()
  }

  /** Whether the server refused only a change. */
  refused(reason: TidegateError): boolean {
    return this.#options.refused(reason)
  }

  /** Nothing more will come up to these positions. */
  resolved(positions: WireVector): void {
    this.#received.merge(positions)
    if (this.#waiting.length === 0) this.#handedOn.merge(positions)
    else this.#waiting.push({ kind: 'resolved', positions })
  }

  /** Events were withheld in favour of others. */
  counted({ conflated = 0, sampled = 0 }: WithheldCounts): void {
    this.conflated += conflated
    this.sampled += sampled
  }

  withheld(frame: GapFrame): void {
    this.gaps++
    this.counted(frame)
    this.resolved({ [frame.topic]: { [frame.lane]: [frame.upTo] } })
    const gap = openGap<Event>(frame, this.#options.options, (query, params) => this.#host.ask(query, params))
    this.#onGap.call(gap)
    if (!gap.fetchable && this.#options.options.snapshot) this.#renewSnapshot()
  }

  /** Takes the events of a part; the receipt is completed for each when the application has it. */
  received({ topic, lane, events, snapshot, ...counts }: BatchPart, receipt: FrameReceipt): void {
    this.counted(counts)
    for (const event of events) {
      if (this.#ending !== undefined) receipt.done()
      else if (snapshot !== undefined)
        this.#deliver({ topic, lane, ...event, snapshot: true } as unknown as Event, receipt)
      else if (!this.#received.admit(topic, lane, event.at)) {
        this.repeats++
        receipt.done()
      } else this.#deliver({ topic, lane, ...event } as Event, receipt)
    }
    if (snapshot !== 'end') return
    this.#isInSnapshot = false
    this.#onSnapshot.call('complete')
    this.#resolveSynced()
  }

  /** The content of the gap is unknown: a new snapshot is requested. */
  #renewSnapshot(): void {
    if (this.#isInSnapshot || this.#ending !== undefined) return
    this.#isInSnapshot = true
    this.#host.send({ type: 'unsubscribe', sub: this.#sub })
    this.#host.send(this.frame())
  }

  /**
   * The server ended it, and it will be requested again. Other keys may have come into view, so a snapshot is due again.
   * @returns whether the answer to a change is still to come
   */
  interrupted(): boolean {
    this.#wasEnded = this.#granted
    if (this.#granted && this.#options.options.snapshot) this.#isInSnapshot = true
    return this.isChanging
  }

  /** The server ended it, or the connection for good. Waiting events can still be iterated. */
  end(reason: TidegateError): void {
    if (this.#ending !== undefined) return
    const isHeard = this.#onError.size > 0 || this.#isIterated || (this.#isAwaited && !this.#granted)
    this.#end({ by: 'server', reason }, reason)
    this.#onError.call(reason)
    this.#host.failed(reason, isHeard, this.selector)
  }

  #deliver(event: Event, receipt: FrameReceipt): void {
    if (this.#callback !== undefined) {
      this.#count(event)
      callBack(this.#callback, event)
      receipt.done()
      return
    }
    this.#waiting.push({ kind: 'event', event, receipt })
    this.#wake()
    if (this.#isIterated || this.#waiting.length !== UNREAD_EVENTS) return
    warn(
      `Nobody reads the subscription to ${this.selector}: its events wait, and hold back the other subscriptions. Give it a callback, iterate, or close it.`,
    )
  }

  #count(event: Event): void {
    if (!event.snapshot) this.delivered++
  }

  #take(event: Event, receipt: FrameReceipt): void {
    this.#count(event)
    if (!event.snapshot) this.#handedOn.admit(event.topic, event.lane, event.at)
    // After the end its bytes were counted already.
    if (this.#ending === undefined) receipt.done()
  }

  #end(ending: Ending, reason: TidegateError): void {
    this.#ending = ending
    this.#rejectReady(reason)
    this.#rejectSynced(reason)
    this.#options.end(reason)
    // Events that may never be read must not hold back the client's other subscriptions.
    for (const waiting of this.#waiting) if (waiting.kind === 'event') waiting.receipt.done()
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#sleepers) wake()
    this.#sleepers.clear()
  }
}
