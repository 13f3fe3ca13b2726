import type { PositionVector as WireVector } from '@tidegate/protocol'
import { type AbortSignal, onAbort } from '../application/abort-signal.ts'
import { callBack, isPromise } from '../application/call-back.ts'
import { Deferred } from '../application/deferred.ts'
import { Listeners } from '../application/listeners.ts'
import { warn } from '../application/warn.ts'
import { clientError, TidegateError } from '../errors/errors.ts'
import type { FrameReceipt } from '../frames/credit.ts'
import type { Gap } from './gap.ts'
import { type AnyEvent, Inbox } from './inbox.ts'
import { PositionVector } from './position-vector.ts'
import type { GrantedPolicy, HeldSubscription, SnapshotMoment } from './subscription.ts'
import type { WireReader, WireSubscription } from './wire-subscription.ts'

export type EventCallback = (event: AnyEvent) => unknown

/** The view a subscription has of its client. */
export interface SubscriptionHost {
  /**
   * The server ended it, or a callback failed.
   *
   * @param isHeard whether something of the subscription says so to the application
   * @param what happened, for the console
   */
  failed(error: TidegateError, isHeard: boolean, what: string): void
  /** One on the wire that nobody else reads, if there is room for it. */
  own(subscription: WireReader): WireSubscription | undefined
  /** The application closed it. */
  closed(subscription: WireReader): void
  /** Most of what was unread is read. */
  caughtUp(wire: WireSubscription): void
}

/** When so many events wait for an iterator that nobody has asked for, the console says so. */
const UNREAD_EVENTS = 32

const DONE = { done: true, value: undefined } as const

/** A subscription of the application, reading one of the wire: alone, or with others. It asks nothing. */
export class ActiveSubscription implements HeldSubscription<AnyEvent>, WireReader {
  delivered = 0
  repeats = 0
  gaps = 0
  conflated = 0
  sampled = 0
  readonly #hasCallback: boolean
  protected readonly host: SubscriptionHost
  #wire!: WireSubscription
  readonly #inbox: Inbox
  /** Positions handed to the application: those received, unless events wait or have waited. */
  #handedOn: PositionVector | undefined
  readonly #onGap = new Listeners<Gap<AnyEvent>>('onGap')
  readonly #onSnapshot = new Listeners<SnapshotMoment>('onSnapshot')
  readonly #onError = new Listeners<TidegateError>('onError')
  readonly #ready = new Deferred()
  readonly #synced = new Deferred()
  /** Somebody has one of the promises. */
  #isAwaited = false
  #isIterated = false
  #isEnded = false
  /** Why the server ended it. */
  #failure: TidegateError | undefined
  #forgetSignal = () => {}

  constructor(callback: EventCallback | undefined, isConcurrent: boolean, host: SubscriptionHost) {
    this.#hasCallback = callback !== undefined
    this.host = host
    if (callback === undefined) this.#handedOn = new PositionVector()
    this.#inbox = new Inbox({
      hand: callback && ((event) => this.#heldUpBy(callBack(callback, this.#handOver(event)))),
      isConcurrent,
      rejected: (cause) => this.#rejected(cause),
      eased: () => {
        if (this.#wire.isPaused && this.isCaughtUp) host.caughtUp(this.#wire)
      },
    })
  }

  get wire(): WireSubscription {
    return this.#wire
  }

  get policy(): GrantedPolicy | undefined {
    return this.#wire.policy
  }

  get ready(): Promise<void> {
    this.#isAwaited = true
    return this.#ready.promise
  }

  get synced(): Promise<void> {
    this.#isAwaited = true
    return this.complete
  }

  get complete(): Promise<void> {
    return this.#synced.promise
  }

  get positions(): WireVector {
    return (this.#handedOn ?? this.#wire.received).toWire()
  }

  onGap(listener: (gap: Gap<AnyEvent>) => void): () => void {
    return this.#onGap.add(listener)
  }

  onSnapshot(listener: (moment: SnapshotMoment) => void): () => void {
    return this.#onSnapshot.add(listener)
  }

  onError(listener: (error: TidegateError) => void): () => void {
    return this.#onError.add(listener)
  }

  /** @throws TidegateError `closed` */
  protected assertOpen(): void {
    if (this.#isEnded) throw clientError('closed')
  }

  closeOn(signal: AbortSignal): void {
    this.#forgetSignal = onAbort(signal, () => this.close())
  }

  [Symbol.dispose](): void {
    this.close()
  }

  close(): void {
    if (this.#isEnded) return
    this.#end(clientError('closed'))
    this.#inbox.clear()
    this.host.closed(this)
  }

  /** No generator: `return` of one waits for the `next` that waits for an event, and the subscription would stay. */
  [Symbol.asyncIterator](): AsyncIterator<AnyEvent, undefined> {
    if (this.#hasCallback || this.#isIterated)
      throw new TypeError(`A callback or another loop takes the events of ${this.#wire.name}.`)
    this.#isIterated = true
    return {
      next: () => this.#next(),
      return: async () => {
        this.close()
        return DONE
      },
    }
  }

  async #next(): Promise<IteratorResult<AnyEvent, undefined>> {
    for (;;) {
      const event = this.#inbox.take()
      if (event !== undefined) return { done: false, value: this.#handOver(event) }
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isEnded) return DONE
      await this.#inbox.woken()
    }
  }

  readFrom(wire: WireSubscription): void {
    this.#wire = wire
  }

  granted(snapshot: boolean, isSynced: boolean): void {
    if (snapshot) this.#inOrder(() => this.#onSnapshot.call('begins'))
    if (isSynced) this.#inOrder(this.#synced.resolve)
    this.#ready.resolve()
  }

  synchronised(): void {
    this.#inOrder(() => this.#onSnapshot.call('complete'))
    this.#inOrder(this.#synced.resolve)
  }

  resolved(positions: WireVector): void {
    const handedOn = this.#handedOn
    if (handedOn !== undefined) this.#inbox.inTurn(() => handedOn.merge(positions))
  }

  withheld(gap: Gap<AnyEvent>): void {
    this.gaps++
    this.#onGap.call(gap)
  }

  take(event: AnyEvent, receipt: FrameReceipt): void {
    if (this.#isEnded) return receipt.done()
    this.#inbox.put(event, receipt, !this.#wire.isPaused)
    if (this.#hasCallback || this.#isIterated || this.#inbox.waiting !== UNREAD_EVENTS) return
    warn(`Nobody reads ${this.#wire.name}: give it a callback, iterate, or close it.`)
  }

  get unreadBytes(): number {
    return this.#inbox.unreadBytes
  }

  get isCaughtUp(): boolean {
    return this.#inbox.isCaughtUp
  }

  release(): void {
    this.#inbox.release()
  }

  /** The server ended it, or the connection for good. Waiting events are still handed over. */
  end(reason: TidegateError): void {
    if (this.#isEnded) return
    const isHeard = this.#onError.size > 0 || this.#isIterated || (this.#isAwaited && !this.#wire.isGranted)
    this.#failure = reason
    this.#end(reason)
    this.#onError.call(reason)
    this.host.failed(reason, isHeard, `End of ${this.#wire.name}: `)
  }

  #handOver(event: AnyEvent): AnyEvent {
    if (!event.snapshot) {
      this.delivered++
      this.#handedOn?.admit(event.topic, event.lane, event.at)
    }
    return event
  }

  /** Behind the events that wait for a callback; to an iterator it would come too late. */
  #inOrder(run: () => unknown): void {
    if (this.#hasCallback) this.#inbox.inTurn(() => this.#heldUpBy(run()))
    else run()
  }

  /** While a promise is pending, more may be received than is handed over. */
  #heldUpBy(result: unknown): unknown {
    if (isPromise(result)) this.#handedOn ??= this.#wire.received.copy()
    return result
  }

  #rejected(cause: unknown): void {
    const error = new TidegateError('callback_failed', String(cause), { cause })
    this.#onError.call(error)
    this.host.failed(error, this.#onError.size > 0, `A callback of ${this.#wire.name} failed: `)
  }

  #end(reason: TidegateError): void {
    this.#isEnded = true
    this.#forgetSignal()
    this.#handedOn ??= this.#wire.received.copy()
    this.#ready.reject(reason)
    this.#synced.reject(reason)
    // Events that may never be read must not hold back the client's other subscriptions.
    this.#inbox.release()
    this.#inbox.wake()
  }
}
