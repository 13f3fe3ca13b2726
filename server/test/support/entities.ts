import { setTimeout as sleep } from 'node:timers/promises'
import {
  ANSWERS_TOPIC,
  BatchReader,
  type Bus,
  BusUnavailable,
  COMMANDS_TOPIC,
  type EventBody,
  encodeEvent,
  partitionOf,
  RecordBatchBuilder,
} from '../../src/bus/index.ts'
import type { EntityDefinition } from '../../src/config/contract/entity-model.ts'
import {
  beginOf,
  type CommandBody,
  type CommandOutcome,
  decodeRecord,
  decodeTrailEntry,
  type EntityRecord,
  foldTrail,
  type TrailEntry,
} from '../../src/entities/index.ts'

const DEADLINE_MS = 15_000
const POLL_MS = 5
const ALL = 1_000_000

export interface SentCommand extends Omit<CommandBody, 'node' | 'checksum' | 'waitMs'> {
  readonly id: string
  readonly key: string
}

/** What tests ask of entities: sending commands as a gateway would, and looking at what owners made of them. */
export class EntityDeployment {
  readonly #bus: Bus

  /** @param bus with channels for appends and queries */
  constructor(bus: Bus) {
    this.#bus = bus
  }

  /** Stores commands in the logs of their keys' partitions. */
  async send(commands: readonly SentCommand[]): Promise<void> {
    await this.#append(
      COMMANDS_TOPIC,
      commands.map(({ id, key, ...sent }) => {
        const checksum = `${sent.command}${JSON.stringify(sent.input)}`.replace(/[^a-z0-9]/gi, '')
        const body: CommandBody = { node: 'test', checksum, waitMs: 60_000, ...sent }
        return { id, key, data: body }
      }),
    )
  }

  /** Stores events of a topic likewise, each call one record batch a partition. */
  publish(topic: string, events: readonly { id: string; key: string; data: object }[]): Promise<void> {
    return this.#append(topic, events)
  }

  async #append(topic: string, events: readonly { id: string; key: string; data: object }[]): Promise<void> {
    for (let partition = 0; partition < this.#bus.partitions; partition++) {
      const own = events.filter(({ key }) => partitionOf(key, this.#bus.partitions) === partition)
      if (own.length > 0) await this.#appendTo(partition, topic, own)
    }
  }

  async #appendTo(partition: number, topic: string, events: readonly { id: string; key: string; data: object }[]) {
    const log = this.#bus.log(partition, 'append')
    const time = Date.now()
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      events.map(({ id, key, data }) => ({
        ...{ key, lane: 'normal' as const, time },
        json: encodeEvent(id, key, time, undefined, JSON.stringify(data)),
      })),
    )
    const request = {
      batches: [{ topic, ...builder.build() }],
      slices: [{ batch: 0, lastIndex: events.length - 1, identity: undefined }],
    }
    const reply = await log.append(request)
    if (reply.status === 'ok') return
    await log.lineage()
    await log.append(request)
  }

  /** Events of a topic or an internal log, over all partitions. */
  async events(topic: string): Promise<EventBody[]> {
    const logs = Array.from({ length: this.#bus.partitions }, (_, partition) =>
      this.#bus.log(partition, 'query').range(topic, '-', '+', ALL),
    )
    return (await Promise.all(logs)).flat().flatMap((entry) => new BatchReader(entry).acceptedBodies())
  }

  /** Answers by command id, in the order in which they were given. */
  async answers(): Promise<Map<string, CommandOutcome[]>> {
    const answers = new Map<string, CommandOutcome[]>()
    for (const { id, data } of await this.events(ANSWERS_TOPIC)) {
      answers.set(id, [...(answers.get(id) ?? []), data as CommandOutcome])
    }
    return answers
  }

  /** None where a handler of this process has kept the answer of Redis waiting. */
  async #answersIfRead(): Promise<Map<string, CommandOutcome[]>> {
    try {
      return await this.answers()
    } catch (error) {
      if (error instanceof BusUnavailable) return new Map()
      throw error
    }
  }

  /** The answers once each of these commands has at least one. */
  async answered(ids: readonly string[]): Promise<Map<string, CommandOutcome[]>> {
    const deadline = performance.now() + DEADLINE_MS
    for (;;) {
      const answers = await this.#answersIfRead()
      const missing = ids.filter((id) => !answers.has(id))
      if (missing.length === 0) return answers
      if (performance.now() > deadline) throw new Error(`no answer to ${missing.slice(0, 5).join(', ')}`)
      await sleep(POLL_MS)
    }
  }

  async trail(name: string, key: string): Promise<TrailEntry[]> {
    const entities = this.#bus.entities(partitionOf(key, this.#bus.partitions), 'query')
    return (await entities.trail(name, key, 0, ALL)).map(decodeTrailEntry)
  }

  /** What is stored of an entity, and what follows from its trail. They MUST be the same. */
  async states(definition: EntityDefinition, key: string): Promise<{ stored: EntityRecord; folded: EntityRecord }> {
    const entities = this.#bus.entities(partitionOf(key, this.#bus.partitions), 'query')
    const [found] = await entities.load(definition.name, [key])
    const stored = found?.record === undefined ? undefined : decodeRecord(found.record)
    const folded = foldTrail(definition, key, await this.trail(definition.name, key), beginOf(definition, stored))
    return { stored: stored ?? folded, folded }
  }
}
