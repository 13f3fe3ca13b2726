import { DEFAULTS, formatLogEpoch, type ServerFrame, type SubscribeOptions } from '@tidegate/protocol'
import { AckedPositions } from './acked-positions.ts'
import { expectKind, expectOptions, type Kind, wrong } from './arguments.ts'
import { callBack } from './call-back.ts'
import type { CommandAnswer, CommandOptions } from './commands/command-types.ts'
import { type CommandCall, Commands } from './commands/commands.ts'
import type { RecoveredCommand } from './commands/recovered-command.ts'
import type { ConnectionStatus } from './connection/state.ts'
import { Connection } from './connection.ts'
import type {
  EventOf,
  PublishableTopic,
  PublishEvent,
  Selector,
  ShownTopic,
  TopicEvent,
  TopicsOf,
} from './contract-types.ts'
import type { FrameReceipt } from './credit.ts'
import { EntityHandle } from './entities/entity-handle.ts'
import { foundPages } from './entities/entity-queries.ts'
import type { CommandName, EntityName, EntityOf, FindOptions, FoundPage } from './entities/entity-types.ts'
import { clientError, type TidegateError } from './errors.ts'
import { listen } from './listen.ts'
import { CHANGE_OPTIONS } from './option-changes.ts'
import { DEFAULT_OUTBOX, type OutboxLimits } from './outbox.ts'
import { PresenceHandle } from './presence/presence-handle.ts'
import type { PublishReceipt } from './publish-receipt.ts'
import { Publisher } from './publisher.ts'
import { Queries, type QueryPage } from './queries.ts'
import { randomId } from './random-id.ts'
import { ServerClock } from './server-clock.ts'
import { type SocketConstructor, socketUrl } from './socket.ts'
import type { Subscription } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'
import type { TokenOption } from './token-source.ts'
import { warn } from './warn.ts'

declare global {
  // For programs whose `lib` does not have it yet: `await using` is of 2026.
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

export interface ClientOptions {
  /** Address of a gateway, `http(s)://` or `ws(s)://`. Its path is not used. */
  readonly url: string
  /**
   * Who the client is: a JSON Web Token or an API key. A function is asked for one before the first connection, before
   * that one expires, and when a gateway refuses it; all of them MUST be of one subject.
   */
  readonly token?: TokenOption
  /** Defaults to the global WebSocket; `@tidegate/client/node` brings one for Node 20. */
  readonly WebSocket?: SocketConstructor
  /**
   * Identity for deduplication, random by default. A client opened later replaces every earlier one of its producer, in
   * this process or another: what those publish then is rejected as `fenced`.
   */
  readonly producer?: string
  /** Bytes the server may have in flight to this client, 4 KiB to 4 MiB. */
  readonly windowBytes?: number
  /** Bounds of published events that are not acknowledged, and again of commands without an outcome. */
  readonly outbox?: Partial<OutboxLimits>
}

const CLIENT_OPTIONS: Readonly<Record<keyof ClientOptions, Kind | null>> = {
  url: 'a string',
  // Its own check does not show it.
  token: null,
  WebSocket: 'a function',
  producer: 'a string',
  windowBytes: 'a number',
  outbox: 'an object',
}

const CLOSE_OPTIONS = { deadlineMs: 'a number' } as const
/** Longer than a partition takes to get another owner, and not so long that a process seems to hang. */
const CLOSE_DEADLINE_MS = 5_000

const OUTBOX_OPTIONS: Readonly<Record<keyof OutboxLimits, Kind>> = {
  maxFrames: 'a number',
  maxBytes: 'a number',
  maxAgeMs: 'a number',
}

const SUBSCRIBE_OPTIONS: Readonly<Record<keyof SubscribeOptions, null>> = {
  ...CHANGE_OPTIONS,
  from: null,
  snapshot: null,
}

/** The server's report on its Redis. */
export type BusChange = Omit<Extract<ServerFrame, { type: 'bus' }>, 'type'>

type DataOf<C, Topic extends keyof TopicsOf<C>> = TopicsOf<C>[Topic]['data']

/** A client of one Tidegate deployment over one connection, which it keeps open until `close`. */
export class TidegateClient<C = unknown> {
  readonly #connection: Connection
  readonly #clock = new ServerClock()
  readonly #publisher: Publisher
  readonly #commands: Commands
  readonly #subscriptions: Subscriptions
  readonly #queries: Queries
  readonly #statusListeners = new Set<(status: ConnectionStatus) => void>()
  readonly #busListeners = new Set<(change: BusChange) => void>()
  readonly #recoveredListeners = new Set<(command: RecoveredCommand) => void>()
  readonly #tokenListeners = new Set<(error: TidegateError) => void>()
  readonly #errorListeners = new Set<(error: TidegateError) => void>()
  /** Why this client accepts no more calls. */
  #ended: TidegateError | undefined
  #closing: Promise<void> | undefined
  /** Why everything ends is reported once, not again by every subscription. */
  #isEnding = false

  /** @throws TidegateError `invalid_url`, `invalid_token`, `no_websocket`; TypeError for options that it does not have */
  constructor(options: ClientOptions) {
    expectOptions('createClient', CLIENT_OPTIONS, options)
    expectKind('createClient.url', 'a string', options.url)
    if (options.outbox !== undefined) expectOptions('createClient.outbox', OUTBOX_OPTIONS, options.outbox)
    const WebSocket = options.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined)
    if (WebSocket === undefined) throw clientError('no_websocket')
    const acked = new AckedPositions()
    this.#connection = new Connection(
      {
        url: socketUrl(options.url),
        WebSocket,
        producer: options.producer ?? randomId(),
        token: options.token,
        windowBytes: options.windowBytes ?? DEFAULTS.windowBytes,
      },
      {
        online: (grant) => {
          this.#publisher.online(grant)
          this.#commands.online()
          this.#subscriptions.online()
          this.#queries.online()
        },
        epochs: () =>
          [...new Map([...this.#commands.keptEpochs, ...this.#publisher.keptEpochs])].map(([partition, epoch]) =>
            formatLogEpoch({ partition, epoch }),
          ),
        acked: () => acked.all(),
        time: (time, isGreeting) => this.#clock.note(time, isGreeting),
        leaving: () => {
          this.#publisher.leaving()
          this.#commands.leaving()
        },
        offline: () => {
          this.#publisher.offline()
          this.#commands.offline()
          this.#subscriptions.offline()
        },
        frame: (frame, receipt) => this.#receive(frame, receipt),
        tokenError: (error) => {
          for (const listener of this.#tokenListeners) callBack(listener, error)
          this.#report(error, this.#tokenListeners.size > 0)
        },
        closed: (reason) => this.#end(reason),
        status: (status) => {
          for (const listener of this.#statusListeners) callBack(listener, status)
        },
      },
    )
    const limits = { ...DEFAULT_OUTBOX, ...options.outbox }
    this.#publisher = new Publisher(this.#connection, limits, acked, this.#clock)
    this.#commands = new Commands(this.#connection, limits, acked, (recovered) => {
      for (const listener of this.#recoveredListeners) callBack(listener, recovered)
    })
    this.#queries = new Queries(this.#connection)
    this.#subscriptions = new Subscriptions(this.#connection, {
      ask: (name, params) => this.query(name, params),
      failed: (error, isHeard, selector) =>
        this.#isEnding || this.#report(error, isHeard, `The subscription to ${selector} ended: `),
    })
    this.#connection.open()
  }

  get status(): ConnectionStatus {
    return this.#connection.status
  }

  /** Calls back on every change of `status`. Returns a function that ends that. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    return listen('onStatus', this.#statusListeners, listener)
  }

  /**
   * Calls back for everything that goes wrong beside the calls that reject: a subscription that the server refused or
   * ended, a connection that the server closed for good, a token function that gave no token. While nobody listens, the
   * console has a warning for what nothing else says. Returns a function that ends that.
   */
  onError(listener: (error: TidegateError) => void): () => void {
    return listen('onError', this.#errorListeners, listener)
  }

  /**
   * Calls back when the server can no longer reach its Redis for some class of operations (`append`: publishing,
   * `tail`: delivery, `query`), and when it can again. Meanwhile publishes wait in the outbox and subscriptions stay.
   * Returns a function that ends that.
   */
  onBus(listener: (change: BusChange) => void): () => void {
    return listen('onBus', this.#busListeners, listener)
  }

  /**
   * Calls back when the answer of a command is no longer the one that `command` resolved with: Redis has lost its newest data,
   * and the command was sent again. Returns a function that ends that.
   */
  onRecovered(listener: (command: RecoveredCommand) => void): () => void {
    return listen('onRecovered', this.#recoveredListeners, listener)
  }

  /**
   * Calls back when the `token` function gave none (`no_token`), or one that a gateway refused (`unauthorized`). It is
   * asked again, after a growing wait; meanwhile `status` follows the connection. Returns a function that ends that.
   */
  onTokenError(listener: (error: TidegateError) => void): () => void {
    return listen('onTokenError', this.#tokenListeners, listener)
  }

  /** Now by the clock of the server, ms since 1970; before the first connection by that of this machine. */
  now(): number {
    return this.#clock.at(performance.now())
  }

  /**
   * Publishes one or more events of a topic. Resolves when they are stored; while there is no connection they wait and
   * are then sent in order, once each. If the server refuses some of the events, `rejected` of the receipt lists them.
   *
   * @throws TidegateError if none was stored: with the code of the first one, its `path`, and the `receipt`;
   *   `outbox_full`, `outbox_expired`, `event_too_large`, `closed`. TypeError for arguments of other types.
   */
  async publish<Topic extends PublishableTopic<TopicsOf<C>>>(
    topic: Topic,
    events: PublishEvent<DataOf<C, Topic>> | readonly PublishEvent<DataOf<C, Topic>>[],
  ): Promise<PublishReceipt> {
    this.#assertOpen()
    const list = (Array.isArray(events) ? events : [events]) as readonly PublishEvent<unknown>[]
    expectKind('publish: topic', 'a string', topic)
    for (const event of list) {
      if (typeof event !== 'object' || event?.data === undefined)
        throw wrong('publish', 'events { data: {...} }', event)
    }
    return this.#publisher.publish(topic, list)
  }

  /**
   * Subscribes to a topic or a wildcard (`commerce.*`, `>`), from now on unless `from` says otherwise.
   *
   * @throws TypeError for arguments of other types, and options that there are not
   */
  subscribe<S extends Selector<TopicsOf<C>>>(
    selector: S,
    callback?: (event: EventOf<TopicsOf<C>, S>) => void,
  ): Subscription<EventOf<TopicsOf<C>, S>>
  subscribe<S extends Selector<TopicsOf<C>>>(
    selector: S,
    options: SubscribeOptions,
    callback?: (event: EventOf<TopicsOf<C>, S>) => void,
  ): Subscription<EventOf<TopicsOf<C>, S>>
  subscribe<S extends Selector<TopicsOf<C>>>(
    selector: S,
    ...rest: readonly [
      optionsOrCallback?: SubscribeOptions | ((event: EventOf<TopicsOf<C>, S>) => void),
      callback?: (event: EventOf<TopicsOf<C>, S>) => void,
    ]
  ): Subscription<EventOf<TopicsOf<C>, S>> {
    const [options = {}, callback] = typeof rest[0] === 'function' ? [{}, rest[0]] : (rest as never)
    expectKind('subscribe: selector', 'a string', selector)
    expectOptions('subscribe', SUBSCRIBE_OPTIONS, options)
    if (callback !== undefined) expectKind('subscribe: callback', 'a function', callback)
    // Under a selector the server sends the types of the contract; nothing here could check that.
    const untyped = callback as ((event: TopicEvent<string, unknown>) => void) | undefined
    return this.#subscriptions.open(selector, options, untyped) as Subscription<EventOf<TopicsOf<C>, S>>
  }

  /**
   * Sends a command to an entity. Resolves with what it led to; it is run once, through however many connections it takes.
   * Commands of one entity are sent one after the other, in the order of the calls, unless `pipelined`.
   *
   * @throws CommandRejected when the entity rejects it.
   * @throws TidegateError `deadline_exceeded`: it may still be run, and the same command with `commandId` as its `id` asks for
   *   its outcome. `outbox_expired`, `outbox_full`: it was never sent. `closed`, or another code of an answer.
   */
  async command<Name extends EntityName<C>, Command extends CommandName<EntityOf<C, Name>>>(
    entity: Name,
    key: string,
    command: Command,
    input: EntityOf<C, Name>['commands'][Command],
    options: CommandOptions = {},
  ): Promise<CommandAnswer<EntityOf<C, Name>['events']>> {
    const answer = await this.#command({ entity, key, command, input }, options)
    return answer as CommandAnswer<EntityOf<C, Name>['events']>
  }

  /** A handle on one entity: its state as it changes, its past, and commands to it. */
  entity<Name extends EntityName<C>>(name: Name, key: string): EntityHandle<EntityOf<C, Name>> {
    return new EntityHandle(name, key, {
      ask: (query, params) => this.queryPage(query, params),
      command: (call, options) => this.#command(call, options),
      subscribe: (topic, options, callback) => this.#subscriptions.open(topic, options, callback),
    })
  }

  /** Who is subscribed to a topic with presence, as it changes. */
  presence<Topic extends ShownTopic<TopicsOf<C>>>(topic: Topic): PresenceHandle {
    expectKind('presence: topic', 'a string', topic)
    return new PresenceHandle((options, callback) => this.#subscriptions.open(`${topic}.presence`, options, callback))
  }

  /** The entities that have a value in an index, page by page. @throws TidegateError as `query` does */
  findEntities<Name extends EntityName<C>>(
    name: Name,
    index: EntityOf<C, Name>['indexes'],
    value: string,
    options: FindOptions = {},
  ): AsyncIterable<FoundPage<EntityOf<C, Name>['view']>> {
    const pages = foundPages((query, params) => this.queryPage(query, params), { name, index, value }, options)
    return pages as AsyncIterable<FoundPage<EntityOf<C, Name>['view']>>
  }

  /**
   * Runs a query (`topics`, `window`, `history`, `gap`, `entity`, `entityHistory`, `findEntities`), waiting for a
   * connection if need be.
   *
   * @throws TidegateError `no_answer` after 10 s, `closed`, or the server's code.
   */
  async query(name: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return (await this.queryPage(name, params)).data
  }

  /** As `query`, for paged answers: includes the `after` of the next page. */
  async queryPage(name: string, params: Readonly<Record<string, unknown>> = {}): Promise<QueryPage> {
    if (this.#ended !== undefined) throw this.#ended
    return this.#queries.ask(name, params)
  }

  /**
   * Waits for outstanding acknowledgements and outcomes, at most `deadlineMs` (5 s if absent), then closes, subscriptions
   * included. Idempotent.
   */
  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    if (this.#closing === undefined) {
      expectOptions('close', CLOSE_OPTIONS, options)
      this.#closing = this.#close(options.deadlineMs ?? CLOSE_DEADLINE_MS)
    }
    return this.#closing
  }

  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #command(call: CommandCall, options: CommandOptions) {
    this.#assertOpen()
    return this.#commands.send(call, options)
  }

  #assertOpen(): void {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#closing !== undefined) throw clientError('closed')
  }

  async #close(deadlineMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs)
    })
    await Promise.race([Promise.all([this.#publisher.empty(), this.#commands.empty()]), deadline])
    clearTimeout(timer)
    this.#subscriptions.close()
    this.#connection.close()
  }

  /** @param isHeard whether something else says so to the application @param what happened, for the console */
  #report(error: TidegateError, isHeard: boolean, what = ''): void {
    for (const listener of this.#errorListeners) callBack(listener, error)
    if (!isHeard && this.#errorListeners.size === 0) warn(`${what}${error.message} [${error.code}]`)
  }

  #end(reason: TidegateError): void {
    this.#ended = reason
    if (this.#closing === undefined) this.#report(reason, false)
    this.#isEnding = true
    this.#publisher.end(reason)
    this.#commands.end(reason)
    this.#subscriptions.end(reason)
    this.#queries.end(reason)
    this.#isEnding = false
  }

  #receive(frame: ServerFrame, receipt: FrameReceipt): void {
    switch (frame.type) {
      case 'ack':
        return this.#publisher.acknowledged(frame)
      case 'reject':
        if (frame.epochs !== undefined) this.#commands.epochsChanged(frame.epochs)
        return this.#publisher.rejected(frame)
      case 'answer':
        return this.#commands.answered(frame)
      case 'slow':
        return this.#publisher.slowed(frame)
      case 'epoch':
        this.#commands.epochsChanged(frame.at)
        return this.#publisher.epochsChanged(frame.at)
      case 'subscribed':
        return this.#subscriptions.granted(frame)
      case 'batch':
        return this.#subscriptions.received(frame, receipt)
      case 'progress':
        return this.#subscriptions.progressed(frame)
      case 'gap':
        return this.#subscriptions.withheld(frame)
      case 'bus': {
        const { type: _, ...change } = frame
        if (change.class === 'append' && change.state === 'closed') this.#publisher.available()
        for (const listener of this.#busListeners) callBack(listener, change)
        return
      }
      case 'unsubscribed':
        return this.#subscriptions.ended(frame)
      case 'result':
        return this.#queries.answered(frame)
      case 'error': {
        const { id, sub } = frame
        if (id !== undefined) this.#queries.failed({ ...frame, id })
        else if (sub !== undefined) this.#subscriptions.refused({ ...frame, sub })
      }
    }
  }
}

/** Opens a client. With `createClient<typeof config>` it knows the topics of that config. */
export function createClient<C = unknown>(options: ClientOptions): TidegateClient<C> {
  return new TidegateClient<C>(options)
}
