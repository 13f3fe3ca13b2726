import type { OnSlow, SubscriptionLedger, PositionVector as WireVector } from '@tidegate/protocol'
import type { TidegateError } from '../errors/errors.ts'
import type { OptionChange } from './change-options.ts'
import type { Gap } from './gap.ts'

/**
 * How a subscription is treated while its client cannot keep up, as granted by the server, which may differ from the
 * request.
 */
export interface GrantedPolicy {
  readonly onSlow: OnSlow
  readonly maxRate?: number
}

export type SnapshotMoment = 'begins' | 'complete'

/**
 * One subscription, over all connections of its client. Give a callback, or iterate once. Events wait for the iterator, and
 * for the promise of a callback; where too much waits, the server sends this subscription nothing until it is read, and
 * withholds what does not fit there. Leaving the loop closes the subscription; if the server ends it, the iterator throws
 * the reason.
 */
export interface LiveSubscription<Event> extends AsyncIterable<Event> {
  /**
   * Resolves when the server has granted it: whatever is stored from then on is delivered, whoever publishes it. Rejects
   * with a TidegateError when it refused, or the client closed before.
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
   * Calls back when the server has refused or ended the subscription for good, and when the promise of a callback is rejected
   * (`callback_failed`). `ready` or the iterator say the former too; where nobody listens to any of them, the console has a
   * warning. Returns a function that ends that.
   */
  onError(listener: (error: TidegateError) => void): () => void
  /**
   * Calls back when a snapshot `begins` - the first one, or another where it is not known what came since: a key that is not
   * in it is gone - and when it is `complete`. Returns a function that ends that.
   */
  onSnapshot(listener: (moment: SnapshotMoment) => void): () => void
  /** Ends the subscription and its iterator; events that wait for it are dropped. Idempotent. */
  close(): void
  /** As `close`, for `using`. */
  [Symbol.dispose](): void
}

/** A subscription of a handle: what the handle itself listens to does not count as the application's hearing of it. */
export interface HeldSubscription<Event> extends LiveSubscription<Event> {
  /** As `synced`. */
  readonly complete: Promise<void>
}

/** A subscription of a client that asks the server, too. */
export interface Subscription<Event> extends LiveSubscription<Event> {
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
}
