import type { DeliveredEvent } from '@tidegate/protocol'
import { ABORTABLE, type Abortable } from './application/abort-signal.ts'
import { expectKind, expectOptions, type Kind, wrong } from './application/arguments.ts'
import type {
  PaneOf,
  PublishableTopic,
  PublishEvent,
  ShownTopic,
  TopicsOf,
  WindowTopic,
} from './application/contract-types.ts'
import type { CommandName, EntityName, EntityOf, FindOptions, FoundPage, InputOf } from './application/entity-types.ts'
import { CONNECT_OPTIONS, type ConnectOptions, Core } from './client/core.ts'
import { Reader } from './client/reader.ts'
import { Sending, type SendingOptions } from './client/sending.ts'
import { commandSpan, publishSpan, type Tracer, withinSpan } from './client/traced-call.ts'
import type { CommandAnswer, CommandOptions } from './commands/command-types.ts'
import type { CommandCall } from './commands/commands.ts'
import type { RecoveredCommand } from './commands/recovered-command.ts'
import { EntityHandle } from './entities/entity-handle.ts'
import { foundPages } from './entities/entity-queries.ts'
import type { PublishReceipt } from './errors/publish-receipt.ts'
import { PresenceHandle } from './presence/presence-handle.ts'
import { endOf, givenTrace, type PublishOptions } from './publishing/end-frame.ts'
import { type HistoryRead, type HistoryReadOptions, readHistory } from './reads/history.ts'
import type { Read } from './reads/read.ts'
import { readTopics, type TopicInfo } from './reads/topics.ts'
import { type LatestReadOptions, readLatest, readWindows, type WindowReadOptions } from './reads/windows.ts'

export interface ClientOptions extends ConnectOptions, SendingOptions {
  /**
   * `trace.getTracer(...)` of `@opentelemetry/api`: each `publish` and `command` is a span, and what they lead to names it where
   * it is recorded.
   */
  readonly tracer?: Tracer
}

const CLIENT_OPTIONS: Readonly<Record<keyof ClientOptions, Kind | null>> = {
  ...CONNECT_OPTIONS,
  producer: 'a string',
  outbox: 'an object',
  tracer: 'an object',
}

const EVENT_MEMBERS: Readonly<Record<keyof PublishEvent<unknown>, Kind | null>> = {
  id: 'a string',
  time: 'a number',
  source: 'a string',
  // The server knows its schema.
  data: null,
}

const COMMAND_OPTIONS: Readonly<Record<keyof CommandOptions, Kind | null>> = {
  // Its own checks name the command.
  id: null,
  expectedVersion: null,
  deadlineMs: null,
  pipelined: 'a boolean',
  trace: 'an object',
  ...ABORTABLE,
}

type DataOf<C, Topic extends keyof TopicsOf<C>> = TopicsOf<C>[Topic]['data']

/** A client of one Tidegate deployment over one connection, which it keeps open until `close`. */
export class TidegateClient<C = unknown> extends Reader<C> {
  readonly #core: Core
  readonly #sending: Sending
  readonly #tracer: Tracer | undefined

  /** @throws TidegateError `invalid_url`, `invalid_token`; TypeError for options that it does not have */
  constructor(options: ClientOptions) {
    const sending = new Sending(options)
    const core = new Core('createClient', CLIENT_OPTIONS, options, sending)
    super(core, sending)
    this.#core = core
    this.#sending = sending
    this.#tracer = options.tracer
    if (sending.isDue) core.use()
  }

  /**
   * Calls back when the answer of a command is no longer the one that `command` resolved with: Redis has lost its newest data,
   * and the command was sent again. Returns a function that ends that.
   */
  onRecovered(listener: (command: RecoveredCommand) => void): () => void {
    return this.#sending.onRecovered.add(listener)
  }

  /**
   * Publishes one or more events of a topic. Resolves when they are stored; while there is no connection they wait and
   * are then sent in order, once each. If the server refuses some of the events, `rejected` of the receipt lists them.
   * With `last` nothing more comes: `publish(topic, [], { last: true })` says only that. An event that was delivered may be
   * published again: `id`, `time`, `source` and `data` are taken of it.
   *
   * @throws TidegateError if none was stored: with the code of the first one, its `path`, and the `receipt`;
   *   `outbox_full`, `outbox_expired`, `event_too_large`, `closed`. TypeError for arguments of other types. The reason of
   *   the signal: what was sent by then may still be stored.
   */
  async publish<Topic extends PublishableTopic<TopicsOf<C>>>(
    topic: Topic,
    events: PublishEvent<DataOf<C, Topic>> | readonly PublishEvent<DataOf<C, Topic>>[],
    options: PublishOptions = {},
  ): Promise<PublishReceipt> {
    this.#core.assertOpen()
    expectKind('publish: topic', 'a string', topic)
    const list = ((Array.isArray(events) ? events : [events]) as readonly PublishEvent<unknown>[]).map(publishable)
    const end = endOf(options)
    const { signal, trace } = options
    this.#core.use(signal)
    const given = givenTrace(trace)
    const { publisher } = this.#sending
    if (this.#tracer === undefined) return publisher.publish(topic, list, { end, signal, trace: given })
    return withinSpan(this.#tracer, publishSpan(topic, list), given, (trace) =>
      publisher.publish(topic, list, { end, signal, trace }),
    )
  }

  /**
   * Sends a command to an entity. Resolves with what it led to; it is run once, through however many connections it takes.
   * Commands of one entity are sent one after the other, in the order of the calls, unless `pipelined`.
   *
   * @throws CommandRejected when the entity rejects it.
   * @throws TidegateError `deadline_exceeded`: it may still be run, and the same command with `commandId` as its `id` asks for
   *   its outcome. `outbox_expired`, `outbox_full`: it was never sent. `closed`, or another code of an answer.
   */
  command<Name extends EntityName<C>, Command extends CommandName<EntityOf<C, Name>>>(
    entity: Name,
    key: string,
    command: Command,
    input: InputOf<EntityOf<C, Name>, Command>,
    options: CommandOptions = {},
  ): Promise<CommandAnswer<EntityOf<C, Name>['events']>> {
    const answer = this.#command({ entity, key, command, input }, options)
    return answer as Promise<CommandAnswer<EntityOf<C, Name>['events']>>
  }

  /** A handle on one entity: its state as it changes, its past, and commands to it. */
  entity<Name extends EntityName<C>>(name: Name, key: string): EntityHandle<EntityOf<C, Name>> {
    return new EntityHandle(name, key, {
      client: this,
      command: (call, options) => this.#command(call, options),
      subscribe: (topic, options, callback) => this.#core.subscribe(topic, options, callback),
    })
  }

  /** Who is subscribed to a topic with presence, as it changes. */
  presence<Topic extends ShownTopic<TopicsOf<C>>>(topic: Topic, options: Abortable = {}): PresenceHandle {
    expectOptions('presence', ABORTABLE, options)
    return new PresenceHandle(
      (subscribed, callback) => this.#core.subscribe(`${topic}.presence`, subscribed, callback),
      options,
    )
  }

  /** The entities that have a value in an index, page by page. @throws TidegateError as `query` does */
  findEntities<Name extends EntityName<C>>(
    name: Name,
    index: EntityOf<C, Name>['indexes'],
    value: string,
    options: FindOptions = {},
  ): AsyncIterable<FoundPage<EntityOf<C, Name>['view']>> {
    const pages = foundPages(this, { name, index, value }, options)
    return pages as AsyncIterable<FoundPage<EntityOf<C, Name>['view']>>
  }

  /**
   * The stored events of a topic, read page by page as they are iterated, from all partitions: of the next event of each
   * partition's log the one with the least time comes first, of one time that of the first partition. `positions` and
   * `complete` of the answer say up to where it was read, and whether anything was missing.
   *
   * @throws TidegateError as `query` does; the reason of the `signal`
   */
  history<Topic extends keyof TopicsOf<C> & string>(
    topic: Topic,
    options: HistoryReadOptions = {},
  ): HistoryRead<DeliveredEvent<DataOf<C, Topic>>> {
    return readHistory(this, topic, options)
  }

  /**
   * The windows of a time, each once with its last revision, in order of start and key: the first 10,000 at most.
   *
   * @throws TidegateError as `query` does; the reason of the `signal`
   */
  window<Name extends WindowTopic<TopicsOf<C>>>(
    name: Name,
    options: WindowReadOptions = {},
  ): Read<PaneOf<TopicsOf<C>, Name>> {
    return readWindows(this, name, options)
  }

  /** The latest result of each key of a window. @throws TidegateError as `query` does; the reason of the `signal` */
  latest<Name extends WindowTopic<TopicsOf<C>>>(
    name: Name,
    options: LatestReadOptions = {},
  ): Read<PaneOf<TopicsOf<C>, Name>> {
    return readLatest(this, name, options)
  }

  /** The topics that this client may do something with. @throws TidegateError as `query` does; the reason of the `signal` */
  topics(options: Abortable = {}): Promise<TopicInfo<keyof TopicsOf<C> & string>[]> {
    return readTopics(this, options) as Promise<TopicInfo<keyof TopicsOf<C> & string>[]>
  }

  async #command(call: CommandCall, options: CommandOptions) {
    expectOptions('command', COMMAND_OPTIONS, options)
    this.#core.assertOpen()
    this.#core.use(options.signal)
    const given = givenTrace(options.trace)
    const { commands } = this.#sending
    if (this.#tracer === undefined) return commands.send(call, options, given)
    return withinSpan(this.#tracer, commandSpan(call, options.id), given, (trace) =>
      commands.send(call, options, trace),
    )
  }
}

/** Opens a client. With `createClient<typeof config>` it knows the topics of that config. */
export function createClient<C = unknown>(options: ClientOptions): TidegateClient<C> {
  return new TidegateClient<C>(options)
}

/** @throws TypeError for what is no event, and for members that an event to publish does not have */
function publishable(event: PublishEvent<unknown>): PublishEvent<unknown> {
  if (typeof event !== 'object' || event?.data === undefined) throw wrong('publish', 'events { data: {...} }', event)
  if (!('at' in event)) {
    expectOptions('publish: event', EVENT_MEMBERS, event)
    return event
  }
  // It was delivered, and will have another topic, key and position.
  const { id, time, source, data } = event
  return { id, time, source, data } as PublishEvent<unknown>
}
