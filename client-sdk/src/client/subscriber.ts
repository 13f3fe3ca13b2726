import { ABORTABLE, type Abortable, abortable } from '../application/abort-signal.ts'
import { expectKind, expectOptions } from '../application/arguments.ts'
import type { EventOf, Selector, TopicsOf } from '../application/contract-types.ts'
import type { ConnectionStatus } from '../connection/machine/state.ts'
import type { StatusStore } from '../connection/status-store.ts'
import type { TidegateError } from '../errors/errors.ts'
import { ActiveSubscription, type EventCallback } from '../subscriptions/active-subscription.ts'
import { FixedOptions } from '../subscriptions/fixed-options.ts'
import { statedGap } from '../subscriptions/gap.ts'
import { SUBSCRIBE_OPTIONS, type SubscribeOptions } from '../subscriptions/subscribe-options.ts'
import type { LiveSubscription } from '../subscriptions/subscription.ts'
import { type BusChange, type ClientKind, CONNECT_OPTIONS, type ConnectOptions, Core } from './core.ts'

declare global {
  // For programs whose `lib` does not have it yet: `await using` is of 2026.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
    readonly dispose: unique symbol
  }
}

/** A client of one Tidegate deployment that subscribes: over one connection, which it keeps open until `close`. */
export class Subscriber<C = unknown> {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** How it stands with the connection: to look at by `get`, and to listen to by `subscribe`. */
  get status(): StatusStore {
    return this.#core.connection.status
  }

  /** Calls back when `state` of the status is another one. Returns a function that ends that. */
  onStatus(listener: (state: ConnectionStatus) => void): () => void {
    return this.#core.connection.status.onState.add(listener)
  }

  /**
   * Opens the connection, as the first call that needs it would. Resolves once it is there.
   *
   * @throws TidegateError why there will be none: `closed`, `unauthorized`, `no_websocket`. The reason of the signal
   */
  connect(options: Abortable = {}): Promise<void> {
    const connected = this.#connect(options)
    // Its rejection must not end a program that does not await it: `onError` reports it too.
    connected.catch(() => {})
    return connected
  }

  /**
   * Makes a connection at once, instead of waiting for the next attempt. A present one is left: what is unanswered there is
   * sent again, and subscriptions resume.
   *
   * @throws TidegateError `closed`, `no_websocket`
   */
  reconnect(): void {
    this.#core.assertOpen()
    this.#core.connection.reconnectNow()
  }

  /**
   * Calls back for everything that goes wrong beside the calls that reject: a subscription that the server refused or
   * ended, a connection that the server closed for good, a token function that gave no token. While nobody listens, the
   * console has a warning for what nothing else says. Returns a function that ends that.
   */
  onError(listener: (error: TidegateError) => void): () => void {
    return this.#core.onError.add(listener)
  }

  /**
   * Calls back when the server can no longer reach its Redis for some class of operations (`append`: publishing,
   * `tail`: delivery, `query`), and when it can again. Meanwhile publishes wait in the outbox and subscriptions stay.
   * Returns a function that ends that.
   */
  onBus(listener: (change: BusChange) => void): () => void {
    return this.#core.onBus.add(listener)
  }

  /**
   * Calls back when the `token` function gave none (`no_token`), or one that a gateway refused (`unauthorized`). It is
   * asked again, after a growing wait; meanwhile `status` follows the connection. Returns a function that ends that.
   */
  onTokenError(listener: (error: TidegateError) => void): () => void {
    return this.#core.onTokenError.add(listener)
  }

  /** Now by the clock of the server, ms since 1970; before the first connection by that of this machine. */
  now(): number {
    return this.#core.clock.at(performance.now())
  }

  /**
   * Subscribes to a topic or a wildcard (`commerce.*`, `>`), from now on unless `from` says otherwise. What this client
   * publishes after the call is delivered too; wait for `ready` where others publish, or the connection may be lost in between.
   *
   * @throws TypeError for arguments of other types, and options that there are not
   */
  subscribe<S extends Selector<TopicsOf<C>>>(
    selector: S,
    // Not an overload for each: the error of a mistyped selector would be that of all of them.
    optionsOrCallback?: SubscribeOptions | ((event: EventOf<TopicsOf<C>, S>) => unknown),
    callback?: (event: EventOf<TopicsOf<C>, S>) => unknown,
  ): LiveSubscription<EventOf<TopicsOf<C>, S>> {
    // One that stands before options is refused: they would not count.
    const isCallback = typeof optionsOrCallback === 'function' && callback === undefined
    const options = (isCallback ? {} : (optionsOrCallback ?? {})) as SubscribeOptions
    expectKind('subscribe: selector', 'a string', selector)
    expectOptions('subscribe', SUBSCRIBE_OPTIONS, options)
    const called = isCallback ? optionsOrCallback : callback
    if (called !== undefined) expectKind('subscribe: callback', 'a function', called)
    // Under a selector the server sends the types of the contract; nothing here could check that.
    const subscription = this.#core.subscribe(selector, options, called as EventCallback | undefined)
    return subscription as LiveSubscription<EventOf<TopicsOf<C>, S>>
  }

  /**
   * Waits for outstanding acknowledgements and outcomes, at most `deadlineMs` (5 s if absent), then closes, subscriptions
   * included. A call without one by then rejects as `closed`, and says whether it was sent. Idempotent.
   */
  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    return this.#core.close(options)
  }

  async #connect(options: Abortable): Promise<void> {
    expectOptions('connect', ABORTABLE, options)
    this.#core.assertOpen()
    options.signal?.throwIfAborted()
    this.#core.connection.open()
    await abortable(options.signal, this.#core.connection.status.online())
  }

  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** It receives, and asks nothing. */
const RECEIVING: ClientKind = {
  subscriptions: {
    open: (...call) => new ActiveSubscription(...call),
    optionsOf: (options) => new FixedOptions(options),
    gapOf: statedGap,
  },
  parts: () => [],
}

/** Opens a client that subscribes. With `createSubscriber<typeof config>` it knows the topics of that config. */
export function createSubscriber<C = unknown>(options: ConnectOptions): Subscriber<C> {
  return new Subscriber<C>(new Core('createSubscriber', CONNECT_OPTIONS, options, RECEIVING))
}
