import { type PublishGrant, type ServerFrame, WINDOW_BYTES } from '@tidegate/protocol'
import type { AbortSignal } from '../application/abort-signal.ts'
import { expectKind, expectOptions, type Kind } from '../application/arguments.ts'
import { Listeners } from '../application/listeners.ts'
import { warn } from '../application/warn.ts'
import { Connection, type ConnectionEvents } from '../connection/connection.ts'
import { ServerClock } from '../connection/server-clock.ts'
import { type SocketConstructor, socketUrl } from '../connection/socket.ts'
import type { TokenOption } from '../connection/token-source.ts'
import { clientError, type TidegateError } from '../errors/errors.ts'
import type { FrameReceipt } from '../frames/credit.ts'
import type { FrameOf, Greeting, HelloMembers, Part } from '../frames/part.ts'
import { CONNECTION_CHECKS } from '../frames/server-frame.ts'
import { LONGEST_TIMER_MS } from '../longest-timer.ts'
import { type SubscriptionKind, Subscriptions } from '../subscriptions/subscriptions.ts'

export interface ConnectOptions {
  /** Address of a gateway, `http(s)://` or `ws(s)://`. Its path is not used. */
  readonly url: string
  /**
   * Who the client is: a JSON Web Token or an API key. A function is asked for one before the first connection, before
   * that one expires, and when a gateway refuses it; all of them MUST be of one subject.
   */
  readonly token?: TokenOption
  /** Defaults to the global WebSocket; `@tidegate/client/node` brings one for Node 20. */
  readonly WebSocket?: SocketConstructor
  /** Bytes the server may have in flight to this client, 4 KiB to 4 MiB. */
  readonly windowBytes?: number
  /**
   * When the connection is opened: by the first call that needs it if absent, at once if true, and by `connect()` alone if
   * false.
   */
  readonly connect?: boolean
}

export const CONNECT_OPTIONS: Readonly<Record<keyof ConnectOptions, Kind | null>> = {
  url: 'a string',
  // Its own check does not show it.
  token: null,
  WebSocket: 'a function',
  windowBytes: 'a number',
  connect: 'a boolean',
}

type FrameHandler = (frame: ServerFrame, receipt: FrameReceipt) => void

/** The server's report on its Redis. */
export type BusChange = Omit<FrameOf<'bus'>, 'type'>

/** What clients do differently over the same connection. */
export interface ClientKind {
  readonly subscriptions: SubscriptionKind
  /** Beside subscriptions; they hear of everything after those, which begin ahead of what is published. */
  parts(core: Core): readonly Part[]
}

const CLOSE_OPTIONS = { deadlineMs: 'a number' } as const
/** Longer than a partition takes to get another owner, and not so long that a process seems to hang. */
const CLOSE_DEADLINE_MS = 5_000

/**
 * The core of every client: a connection and subscriptions. It hands frames and changes of the connection to its
 * parts, and ends them together.
 */
export class Core implements ConnectionEvents {
  readonly connection: Connection
  readonly clock = new ServerClock()
  readonly subscriptions: Subscriptions
  readonly onError = new Listeners<TidegateError>('onError')
  readonly onBus = new Listeners<BusChange>('onBus')
  readonly onTokenError = new Listeners<TidegateError>('onTokenError')
  readonly #parts: readonly Part[]
  readonly #checks = { ...CONNECTION_CHECKS }
  /** By type of frame, in the order of the parts. A type may be called like a member of every object. */
  readonly #handlers: Record<string, FrameHandler[]> = Object.create(null)
  /** Why this client accepts no more calls. */
  #ended: TidegateError | undefined
  #closing: Promise<void> | undefined
  readonly #connect: boolean | undefined
  /** Why everything ends is reported once, not again by every subscription. */
  #isEnding = false

  /**
   * @param name of the function that the application called, and the options that it takes
   * @throws TidegateError `invalid_url`, `invalid_token`, `no_websocket`; TypeError for options that there are not
   */
  constructor(name: string, known: Readonly<Record<string, Kind | null>>, options: ConnectOptions, kind: ClientKind) {
    expectOptions(name, known, options)
    expectKind(`${name}.url`, 'a string', options.url)
    this.connection = new Connection(
      {
        url: socketUrl(options.url),
        WebSocket: options.WebSocket,
        token: options.token,
        windowBytes: options.windowBytes ?? WINDOW_BYTES,
        checks: this.#checks,
      },
      this,
    )
    this.#connect = options.connect
    this.subscriptions = new Subscriptions(this.connection, {
      kind: kind.subscriptions,
      failed: (error, isHeard, what) => this.#isEnding || this.#report(error, isHeard, what),
    })
    this.#parts = [this.subscriptions, ...kind.parts(this)]
    for (const { checks, frames = {} } of this.#parts) {
      Object.assign(this.#checks, checks)
      for (const [type, handler] of Object.entries(frames)) {
        // The union loses the relation of a type and its handler.
        this.#handlers[type] = [...(this.#handlers[type] ?? []), handler as FrameHandler]
      }
    }
    if (options.connect === true) this.connection.open()
  }

  /**
   * A call needs the connection. While the client closes, reads that have begun may still ask; what must not begin then calls
   * `assertOpen` first.
   *
   * @throws TidegateError why the client has ended; `no_websocket`; the reason of the signal
   */
  use(signal?: AbortSignal): void {
    if (this.#ended !== undefined) throw this.#ended
    signal?.throwIfAborted()
    this.#openForUse()
  }

  /** As `open` of the subscriptions. @throws TidegateError `no_websocket` */
  subscribe(...call: Parameters<Subscriptions['open']>): ReturnType<Subscriptions['open']> {
    this.#openForUse()
    return this.subscriptions.open(...call)
  }

  /** @throws TidegateError why the client accepts no more calls */
  assertOpen(): void {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#closing !== undefined) throw clientError('closed')
  }

  #openForUse(): void {
    if (this.#connect !== false && this.#closing === undefined) this.connection.open()
  }

  /** Waits for what parts still expect, at most `deadlineMs`, then closes. Idempotent. */
  close(options: { readonly deadlineMs?: number }): Promise<void> {
    if (this.#closing === undefined) {
      expectOptions('close', CLOSE_OPTIONS, options)
      this.#closing = this.#close(options.deadlineMs ?? CLOSE_DEADLINE_MS)
    }
    return this.#closing
  }

  async #close(deadlineMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(LONGEST_TIMER_MS, deadlineMs))
    })
    await Promise.race([Promise.all(this.#parts.map((part) => part.empty?.())), deadline])
    clearTimeout(timer)
    for (const part of this.#parts) part.close?.()
    this.connection.close()
  }

  hello(greeting: Greeting): HelloMembers {
    return Object.assign({}, ...this.#parts.map((part) => part.hello?.(greeting)))
  }

  online(grant: PublishGrant, sequence: string | undefined): void {
    for (const part of this.#parts) part.online?.(grant, sequence)
  }

  leaving(): void {
    for (const part of this.#parts) part.leaving?.()
  }

  offline(): void {
    for (const part of this.#parts) part.offline?.()
  }

  frame(frame: ServerFrame, receipt: FrameReceipt): void {
    for (const handle of this.#handlers[frame.type] ?? []) handle(frame, receipt)
    if (frame.type !== 'bus') return
    const { type: _, ...change } = frame
    this.onBus.call(change)
  }

  time(time: number, isGreeting: boolean): void {
    this.clock.note(time, isGreeting)
  }

  tokenError(error: TidegateError): void {
    this.onTokenError.call(error)
    this.#report(error, this.onTokenError.size > 0)
  }

  closed(reason: TidegateError): void {
    this.#ended = reason
    if (this.#closing === undefined) this.#report(reason, false)
    this.#isEnding = true
    for (const part of this.#parts) part.end?.(reason)
    this.#isEnding = false
  }

  readonly report = (error: TidegateError): void => this.#report(error, false)

  /** @param isHeard whether something else says so to the application @param what happened, for the console */
  #report(error: TidegateError, isHeard: boolean, what = ''): void {
    this.onError.call(error)
    if (!isHeard && this.onError.size === 0) warn(`${what}${error.message} [${error.code}]`)
  }
}
