import type { EventInput } from '@tidegate/protocol'
import type { TopicsOf } from '../application/contract-types.ts'
import type { CommandName, EntityName, EntityOf, InputOf } from '../application/entity-types.ts'
import { type ConfiguredEntity, type Contract, handledEntity } from './contract.ts'
import { TestClock } from './test-clock.ts'
import type { ConnectedClient } from './test-connection.ts'
import type { ReceivedCommand } from './test-entities.ts'
import { TestGateway } from './test-gateway.ts'
import type { StoredEvent } from './test-log.ts'
import { TestNetwork } from './test-network.ts'
import type { Filter, SubscribeFrame } from './test-subscription.ts'
import { type AnyTopicOptions, declaredTopic, type TopicOptions } from './test-topics.ts'
import type { Authenticate } from './test-world.ts'

/** What a command handler returns: events, `{ reply, events }`, or `{ rejected, message }`, as `reply` and `reject` make them. */
export type CommandHandler<Input = unknown> = (
  state: Readonly<Record<string, unknown>>,
  input: Input,
  context: { readonly key: string; readonly version: number; readonly now: number; readonly commandId: string },
) => unknown

export interface TestServerOptions<C = unknown> {
  /** What `defineConfig` made: its topics with their schemas, its flows, its entities. Windows are not computed. */
  readonly config?: C & { readonly contract: Contract }
  /** Topics, where there is no config, or beside its own. */
  readonly topics?: { readonly [Topic in keyof TopicsOf<C> & string]?: TopicOptions<TopicsOf<C>[Topic]['data']> }
  /** Entity -> command -> what it decides, where there is no config. The data of each event is merged into the state. */
  readonly commands?: {
    readonly [Name in EntityName<C>]?: {
      readonly [Command in CommandName<EntityOf<C, Name>>]?: CommandHandler<InputOf<EntityOf<C, Name>, Command>>
    }
  }
  /** Default 1: all events are in one order. */
  readonly partitions?: number
  /** Says how long a token counts, or `undefined` to refuse it. Absent: nobody is asked for one. */
  readonly authenticate?: Authenticate
  /** Makes a function of a filter. Absent: subscriptions with `where` are refused as `unsupported`. */
  readonly where?: (filter: string) => Filter
  /** Events of `normal` and `low` that may wait for a slow client, default 10,000; beyond it the oldest become a gap. */
  readonly maxWaiting?: number
}

/** An event of a topic of any kind, from the server's side. Whatever is absent is made up. */
export interface ServerEvent<Data> extends EventInput {
  readonly key?: string
  readonly data: Data
}

const DEFAULT_MAX_WAITING = 10_000

/** An open subscription, as the client has asked for it. */
export type OpenSubscription = Omit<SubscribeFrame, 'type' | 'sub'> & { readonly client: ConnectedClient }

/**
 * A server in memory that speaks the real frames, with a network that can fail. `createClient({ url: 'ws://test',
 * WebSocket: server.WebSocket })` connects to it.
 */
export class TestServer<C = unknown> extends TestNetwork {
  readonly #gateway: TestGateway

  constructor(gateway: TestGateway, clock: TestClock) {
    super(gateway.WebSocket, clock)
    this.#gateway = gateway
  }

  /** Publishes events of a topic, results such as panes included. Schemas are not asked. */
  publish<Topic extends keyof TopicsOf<C> & string>(
    topic: Topic,
    events: ServerEvent<TopicsOf<C>[Topic]['data']> | readonly ServerEvent<TopicsOf<C>[Topic]['data']>[],
  ): void {
    this.#gateway.publish(topic, Array.isArray(events) ? events : [events as ServerEvent<unknown>])
  }

  /** Everything that is stored of a topic, or of all, in the order in which it came. */
  events<Topic extends keyof TopicsOf<C> & string>(
    topic?: Topic,
  ): (StoredEvent & { readonly data: TopicsOf<C>[Topic]['data'] })[] {
    return this.#gateway.log.events(topic).map(({ event }) => event)
  }

  /** Commands that clients have sent, each once, with what became of them. */
  get commands(): readonly ReceivedCommand[] {
    return this.#gateway.entities.received
  }

  /** Clients that are connected and greeted. */
  get clients(): readonly ConnectedClient[] {
    return [...this.#gateway.connections].flatMap(({ client }) => client ?? [])
  }

  /** Subscriptions that are open. */
  get subscriptions(): readonly OpenSubscription[] {
    return [...this.#gateway.connections].flatMap(({ client, delivery }) =>
      [...(delivery?.subscriptions.values() ?? [])].map(({ frame: { type: _, sub: __, ...asked } }) => ({
        ...asked,
        client: client!,
      })),
    )
  }

  /** Withholds the events of a topic until it is ended: then subscribers are told of them in a gap, and can fetch them. */
  withhold(topic: keyof TopicsOf<C> & string): () => void {
    return this.#gateway.withhold(topic)
  }

  /** Retention: everything stored of a topic is gone. A client that comes back is told so in a gap. */
  trim(topic: keyof TopicsOf<C> & string): void {
    this.#gateway.trim(topic)
  }

  /**
   * Redis loses the newest events of each partition: the logs continue under other epochs. Publishers resend what they have
   * kept, and subscribers are told in a gap.
   */
  changeEpoch({ lost = 0 }: { readonly lost?: number } = {}): void {
    this.#gateway.loseEnd(lost)
  }

  /** The tokens of all clients count no more: their connections are closed. */
  revoke(): void {
    for (const connection of [...this.#gateway.connections]) connection.revoke()
  }
}

/**
 * A server for the tests of an application: it has the topics of a config, or those that are declared here.
 *
 * @throws TypeError where there is neither a config, nor topics, nor commands
 */
export function createTestServer<C = unknown>(options: TestServerOptions<C>): TestServer<C> {
  const { config, topics = {}, commands = {}, partitions = 1, maxWaiting = DEFAULT_MAX_WAITING } = options
  const declared = Object.entries(topics).map(([name, topic]) => declaredTopic(name, topic as AnyTopicOptions))
  if (config === undefined && declared.length === 0 && Object.keys(commands).length === 0) {
    throw new TypeError(
      "createTestServer: expected { config } or { topics: { 'sensor.reading': { key: 'sensorId' } } }",
    )
  }
  const entities = new Map<string, ConfiguredEntity>(config?.contract.entities)
  for (const [name, handlers] of Object.entries(commands)) {
    entities.set(name, handledEntity(name, handlers as never))
    declared.push(declaredTopic(`${name}.state`, { isResult: true }))
  }
  const clock = new TestClock()
  const contract = { topics: config?.contract.topics ?? new Map(), entities }
  const { authenticate, where } = options
  return new TestServer<C>(
    new TestGateway({ contract, topics: declared, partitions, maxWaiting, authenticate, where }, clock),
    clock,
  )
}
