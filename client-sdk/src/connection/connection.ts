import {
  type ClientFrame,
  MAX_WINDOW_BYTES,
  MIN_WINDOW_BYTES,
  PROTOCOL_VERSION,
  type PublishGrant,
  type ServerFrame,
} from '@tidegate/protocol'
import { warn } from '../application/warn.ts'
import type { TidegateError } from '../errors/errors.ts'
import type { FrameReceipt } from '../frames/credit.ts'
import type { Greeting, HelloMembers } from '../frames/part.ts'
import type { Effect } from './machine/effect.ts'
import { endingError, lossError, refusalError } from './machine/ending.ts'
import type { ClientEvent, ConnectionEvent } from './machine/event.ts'
import { step } from './machine/machine.ts'
import { initialState, type State } from './machine/state.ts'
import { statusAfter } from './machine/status.ts'
import { FIXED, UNASKED } from './machine/token-state.ts'
import type { Surroundings } from './machine/transition.ts'
import { watchReturns } from './probes.ts'
import { type SocketOptions, Sockets, socketClass } from './sockets.ts'
import { StatusValue } from './status-store.ts'
import { Timers } from './timers.ts'
import { type TokenOption, TokenSource } from './token-source.ts'

export interface ConnectionOptions extends SocketOptions {
  readonly token?: TokenOption | undefined
}

/** The view that the parts of a client have of its connection. */
export interface Link {
  readonly isOnline: boolean
  /** Sends a frame if the socket is open. */
  send(frame: ClientFrame): void
  /** As above, for a frame that is JSON already. */
  sendText(json: string): void
  /** Replaces this connection by a new one. */
  reconnect(): void
  /** Everything open on an earlier connection was resumed on this one. */
  resumed(): void
}

/** Callbacks of a connection to its client. */
export interface ConnectionEvents {
  /**
   * A new connection was greeted: resend open requests. The status has changed already, its listeners are called later.
   */
  online(publish: PublishGrant, sequence: string | undefined): void
  /** What `hello` says beside what the connection knows. */
  hello(greeting: Greeting): HelloMembers
  /**
   * The connection is about to be replaced: pending requests are still answered, new ones must not be published on it.
   */
  leaving(): void
  /** Unanswered requests on the connection will stay unanswered; another one comes, or is there. */
  offline(): void
  /** The receipt MUST be completed for every event of a batch. */
  frame(frame: ServerFrame, receipt: FrameReceipt): void
  /** The server says what time it is, ms since 1970. @param isGreeting of a new connection */
  time(time: number, isGreeting: boolean): void
  /** The application gave no token, or one that a gateway refused. It is asked again. */
  tokenError(error: TidegateError): void
  /** The connection is closed for good: by the server for this reason, or by the client. */
  closed(reason: TidegateError): void
}

const CLIENT_NAME = 'tidegate-js/0.1.0'

/** Failed attempts before there was any connection, after which the console says so: not of a server that is just starting. */
const SAID_ATTEMPTS = 4

/** The implementations outside tests. Read when a step asks: hardly any frame does. */
const SURROUNDINGS: Surroundings = {
  get now() {
    return performance.now()
  },
  get wallTime() {
    return Date.now()
  },
  get random() {
    return Math.random()
  },
}

/** Drives the machine of a connection: takes events one after the other and runs the effects of each. */
export class Connection implements Link {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  readonly #surroundings: () => Surroundings
  readonly #sockets: Sockets
  readonly #timers: Timers
  readonly #tokens: TokenSource
  readonly status = new StatusValue()
  /** Of the token function, the newest. */
  #noToken: TidegateError | undefined
  #stopWatching = () => {}
  #state: State
  /** Events raised while the effects of another one ran: they run after those. */
  readonly #queue: ConnectionEvent[] = []
  #isRunning = false

  /** @throws TidegateError `invalid_token` */
  constructor(options: ConnectionOptions, events: ConnectionEvents, surroundings = () => SURROUNDINGS) {
    // The server clamps the window; counting against another one would report too late.
    const windowBytes = Math.min(MAX_WINDOW_BYTES, Math.max(MIN_WINDOW_BYTES, options.windowBytes))
    this.#options = { ...options, windowBytes }
    this.#events = events
    this.#surroundings = surroundings
    const take = (event: ConnectionEvent) => this.#take(event)
    this.#sockets = new Sockets(this.#options, take)
    this.#timers = new Timers(take)
    this.#tokens = new TokenSource(options.token, take, (error) => {
      this.#noToken = error
      events.tokenError(error)
    })
    this.#state = initialState(this.#tokens.isFixed ? FIXED : UNASKED)
  }

  get isOnline(): boolean {
    return this.status.get().state === 'online'
  }

  /** Idempotent. @throws TidegateError `no_websocket` */
  open(): void {
    if (this.#state.kind !== 'idle') return
    socketClass(this.#options)
    this.#stopWatching = watchReturns(() => this.#ask('probe'))
    this.#ask('start')
  }

  send(frame: ClientFrame): void {
    this.sendText(JSON.stringify(frame))
  }

  sendText(json: string): void {
    const [present] = this.#state.sockets
    if (present !== undefined) this.#sockets.send(present, json)
  }

  resumed(): void {
    this.#ask('resumed')
  }

  reconnect(): void {
    this.#ask('reconnect')
  }

  /** Gives up the present connection or wait, if any, and begins an attempt at once. */
  reconnectNow(): void {
    if (this.#state.kind === 'idle') this.open()
    else this.#ask('reconnect_now')
  }

  /** Idempotent. */
  close(): void {
    this.#ask('close')
  }

  #ask(kind: ClientEvent['kind']): void {
    this.#take({ from: 'client', kind })
  }

  #take(event: ConnectionEvent): void {
    this.#queue.push(event)
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      while (this.#queue.length > 0) this.#step(this.#queue.shift()!)
    } finally {
      this.#isRunning = false
    }
  }

  #step(event: ConnectionEvent): void {
    const before = this.#state
    const frame = 'frame' in event ? event.frame : undefined
    if (frame?.type === 'welcome' || frame?.type === 'ping') this.#events.time(frame.time, frame.type === 'welcome')
    const { state, effects } = step(before, event, this.#surroundings())
    this.#state = state
    if (state !== before)
      this.status.set(statusAfter(this.status.get(), state, this.#loss(before, state, event, effects)))
    for (const effect of effects) this.#run(effect)
    this.status.tell()
  }

  /** Why the connection is lost in this step, if it is. */
  #loss(before: State, state: State, event: ConnectionEvent, effects: readonly Effect[]): TidegateError | undefined {
    if (state.kind === 'waiting' && before.kind !== 'waiting') {
      const { attempts, fault, wasOnline } = state.memory
      const error = lossError(event, fault, this.#noToken)
      if (attempts === SAID_ATTEMPTS && !wasOnline) warn(`Still trying ${this.#options.url}: ${error.message}`)
      return error
    }
    const end = effects.find(({ kind }) => kind === 'closed')
    return end?.kind === 'closed' && end.ending.by === 'server' ? endingError(end.ending) : undefined
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'open':
        return this.#sockets.open(effect.socket)
      case 'close':
        return this.#sockets.close(effect.socket)
      case 'greet':
        return this.#greet(effect)
      case 'send':
        return this.#sockets.send(effect.socket, JSON.stringify(effect.frame))
      case 'ask':
        return this.#tokens.ask(effect)
      case 'show':
        return this.#sockets.send(effect.socket, JSON.stringify({ type: 'token', token: this.#tokens.token }))
      case 'arm':
        return this.#timers.arm(effect.timer, effect.ms)
      case 'disarm':
        return this.#timers.disarm()
      case 'online':
        return this.#events.online(effect.publish, effect.sequence)
      case 'leaving':
        return this.#events.leaving()
      case 'offline':
        return this.#events.offline()
      case 'frame':
        return this.#events.frame(effect.frame, effect.receipt)
      case 'refused':
        return this.#events.tokenError(refusalError(effect.fault, 'Another one is asked for.'))
      case 'closed':
        this.#tokens.close()
        this.#stopWatching()
        return this.#events.closed(endingError(effect.ending))
      default:
        effect satisfies never
    }
  }

  #greet({ socket, session, sequence, returning }: Extract<Effect, { kind: 'greet' }>): void {
    const hello: HelloMembers = {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      client: CLIENT_NAME,
      token: this.#tokens.token,
      returning: returning || undefined,
      ...this.#events.hello({ session, sequence }),
      windowBytes: this.#options.windowBytes,
    }
    this.#sockets.send(socket, JSON.stringify(hello))
  }
}
