import { didYouMean, isTopicSelector, matchesTopic, type Position } from '@tidegate/protocol'
import type { SocketConstructor } from '../connection/socket.ts'
import type { Contract } from './contract.ts'
import { type ServerSocket, serverSockets } from './server-socket.ts'
import type { TestClock } from './test-clock.ts'
import { TestConnection } from './test-connection.ts'
import { TestEntities } from './test-entities.ts'
import { type NewEvent, TestLog } from './test-log.ts'
import { TestProducers } from './test-producers.ts'
import { TestPublishing } from './test-publishing.ts'
import { topicQuery } from './test-queries.ts'
import { type Filter, type SubscribeFrame, TestSubscription } from './test-subscription.ts'
import { configuredTopics, flowsFrom, type TestTopic } from './test-topics.ts'
import type { Authenticate, QueryAnswer, Refused, World } from './test-world.ts'

/** What a gateway in memory serves, and how. */
export interface GatewayOptions {
  readonly contract: Contract
  /** Topics beside those of the contract. */
  readonly topics: readonly TestTopic[]
  readonly partitions: number
  readonly maxWaiting: number
  readonly authenticate: Authenticate | undefined
  readonly where: ((filter: string) => Filter) | undefined
}

/** A gateway and its Redis in memory: connections of its WebSocket class speak the frames of the protocol with it. */
export class TestGateway {
  readonly WebSocket: SocketConstructor
  readonly topics: ReadonlyMap<string, TestTopic>
  readonly log: TestLog
  readonly entities: TestEntities
  readonly connections = new Set<TestConnection>()
  readonly #options: GatewayOptions
  readonly #clock: TestClock
  readonly #producers = new TestProducers()
  readonly #held = new Set<string>()
  readonly #world: World<TestConnection>
  #connectionsSoFar = 0
  #eventsSoFar = 0

  constructor(options: GatewayOptions, clock: TestClock) {
    this.#options = options
    this.#clock = clock
    this.topics = new Map(
      [...configuredTopics(options.contract), ...options.topics].map((topic) => [topic.name, topic]),
    )
    this.log = new TestLog(options.partitions)
    this.entities = new TestEntities(options.contract.entities, {
      now: () => clock.now(),
      epochOf: (key) => this.log.epochOf(this.log.partitionOf(key)),
      publish: (topic, key, data) => this.publish(topic, [{ key, data }]),
    })
    this.WebSocket = serverSockets((socket) => this.#accept(socket))
    this.#world = this.#createWorld()
  }

  /** Stores events as they are, of topics of every kind. */
  publish(name: string, events: readonly (Partial<NewEvent> & Pick<NewEvent, 'data'>)[]): void {
    const topic = this.topics.get(name)
    if (topic === undefined) throw new TypeError(`publish: there is no topic ${name}.${this.#similar(name)}`)
    const now = this.#clock.now()
    for (const { data, key = topic.keyOf(data), id = `server-${++this.#eventsSoFar}`, ...event } of events) {
      if (typeof key !== 'string') throw new TypeError(`publish: an event of ${name} needs a key, which is a string`)
      this.#store(name, this.log.partitionOf(key), [{ time: now, lane: topic.laneOf(data), ...event, id, key, data }])
    }
  }

  /** Withholds the events of a topic until it is ended; then they are reported in gaps. */
  withhold(topic: string): () => void {
    this.#flush()
    this.#held.add(topic)
    return () => {
      this.#held.delete(topic)
      for (const { delivery } of this.connections) delivery?.withhold(topic)
      this.#flush()
    }
  }

  trim(topic: string): void {
    this.#flush()
    this.log.trim(topic)
  }

  /** Every partition, or one of them, loses its newest events, and continues under another epoch. */
  loseEnd(events: number, partitions = Array.from({ length: this.log.partitions }, (_, partition) => partition)): void {
    this.#flush()
    const lost = new Set<string>()
    for (const partition of partitions) {
      for (const { event } of this.log.loseEnd(partition, events)) lost.add(event.at)
    }
    this.#producers.forget((at) => lost.has(at))
    for (const connection of this.connections) connection.epochsChanged(partitions)
    this.#flush()
  }

  #createWorld(): World<TestConnection> {
    const { log } = this
    const { maxWaiting, authenticate } = this.#options
    const publishing = new TestPublishing({
      ...{ log, clock: this.#clock, producers: this.#producers, topics: this.topics },
      store: (topic, partition, events) => this.#store(topic, partition, events),
    })
    return {
      ...{ clock: this.#clock, log, producers: this.#producers, contract: 'test', maxWaiting, authenticate },
      isHeld: (topic) => this.#held.has(topic),
      left: (connection) => this.connections.delete(connection),
      publish: (frame, claim, epochs) => publishing.publish(frame, claim, epochs),
      subscribe: (frame) => this.#subscribe(frame),
      filter: (frame) => this.#filter(frame),
      query: (name, params, subscription) => this.#query(name, params, subscription),
      command: (frame) => this.entities.command(frame),
    }
  }

  #accept(socket: ServerSocket): TestConnection {
    const connection = new TestConnection(this.#world, socket, `test-${++this.#connectionsSoFar}`)
    this.connections.add(connection)
    return connection
  }

  #store(topic: string, partition: number, events: readonly NewEvent[]): Position {
    const now = this.#clock.now()
    const position = this.log.append(topic, partition, events, now)
    for (const event of events) {
      for (const { topic: name, data } of flowsFrom(this.#options.contract, topic, event.data)) {
        const lane = this.topics.get(name)!.laneOf(data)
        this.log.append(name, partition, [{ ...event, data, lane }], now)
      }
    }
    for (const connection of this.connections) connection.wake()
    return position
  }

  /** Due frames leave before anything changes. */
  #flush(): void {
    for (const { delivery } of this.connections) delivery?.flush(this.#world.isHeld)
  }

  #subscribe(frame: SubscribeFrame): ReturnType<World['subscribe']> {
    const { topic: selector } = frame
    if (!isTopicSelector(selector)) return { kind: 'refused', code: 'invalid_selector' }
    const topics = [...this.topics.values()].filter(({ name }) => matchesTopic(selector, name))
    if (topics.length === 0) {
      const message = `no topic matches ${selector}.${this.#similar(selector)}`
      return { kind: 'refused', code: 'unknown_topic', message }
    }
    const other = topics.find(({ hasLatest }) => frame.snapshot === true && !hasLatest)
    if (other !== undefined) {
      const message = `the option snapshot is served only for windows and states of entities, not ${other.name}`
      return { kind: 'refused', code: 'unsupported', message }
    }
    const filter = this.#filter(frame)
    if (filter.kind === 'refused') return filter
    return { kind: 'opened', subscription: new TestSubscription(frame, topics, this.log, filter.filter) }
  }

  #filter({ where }: SubscribeFrame): ReturnType<World['filter']> {
    if (where === undefined) return { kind: 'filter', filter: undefined }
    try {
      return { kind: 'filter', filter: this.#filterOf(where) }
    } catch (error) {
      return refusal(error)
    }
  }

  #filterOf(where: string): Filter {
    if (this.#options.where === undefined) throw new Unfiltered()
    return this.#options.where(where)
  }

  #query(...[name, params, subscription]: Parameters<World['query']>): QueryAnswer {
    try {
      const context = { log: this.log, topics: this.topics, filterOf: (where: string) => this.#filterOf(where) }
      const answer = topicQuery(context, name, params, subscription) ?? this.entities.query(name, params)
      return answer ?? { code: 'unknown_query' }
    } catch (error) {
      return refusal(error)
    }
  }

  #similar(name: string): string {
    return didYouMean(name, [...this.topics.keys()])
  }
}

class Unfiltered extends Error {
  constructor() {
    super('This test server reads no filters: give createTestServer({ where }), which makes a function of one.')
  }
}

function refusal(error: unknown): Refused {
  const code = error instanceof Unfiltered ? 'unsupported' : 'invalid_filter'
  return { kind: 'refused', code, message: error instanceof Error ? error.message : String(error) }
}
