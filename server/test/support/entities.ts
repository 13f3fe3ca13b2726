import { setTimeout as sleep } from 'node:timers/promises'
import {
  ANSWERS_TOPIC,
  type Bus,
  COMMANDS_TOPIC,
  decodeEvents,
  encodeEvent,
  partitionOf,
  RecordBatchBuilder,
} from '../../src/bus/index.ts'
import type { EntityDefinition } from '../../src/config/entity-model.ts'
import {
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
    for (let partition = 0; partition < this.#bus.partitions; partition++) {
      const own = commands.filter(({ key }) => partitionOf(key, this.#bus.partitions) === partition)
      if (own.length > 0) await this.#append(partition, own)
    }
  }

  async #append(partition: number, commands: readonly SentCommand[]): Promise<void> {
    const log = this.#bus.log(partition, 'append')
    const now = Date.now()
    const events = commands.map(({ id, key, ...sent }) => {
      const checksum = `${sent.command}${JSON.stringify(sent.input)}`.replace(/[^a-z0-9]/gi, '')
      const body: CommandBody = { node: 'test', checksum, waitMs: 60_000, ...sent }
      return {
        key,
        lane: 'normal' as const,
        time: now,
        json: encodeEvent(id, key, now, undefined, JSON.stringify(body)),
      }
    })
    const builder = new RecordBatchBuilder()
    builder.addSlice(events)
    const request = {
      batches: [{ topic: COMMANDS_TOPIC, ...builder.build() }],
      slices: [{ batch: 0, lastIndex: events.length - 1, identity: undefined }],
    }
    const reply = await log.append(request)
    if (reply.status === 'ok') return
    await log.lineage()
    await log.append(request)
  }

  /** Answers by command id, in the order in which they were given. */
  async answers(): Promise<Map<string, CommandOutcome[]>> {
    const answers = new Map<string, CommandOutcome[]>()
    for (let partition = 0; partition < this.#bus.partitions; partition++) {
      const entries = await this.#bus.log(partition, 'query').range(ANSWERS_TOPIC, '-', '+', ALL)
      for (const { id, data } of entries.flatMap(({ payload }) => decodeEvents(payload))) {
        answers.set(id, [...(answers.get(id) ?? []), data as CommandOutcome])
      }
    }
    return answers
  }

  /** The answers once each of these commands has at least one. */
  async answered(ids: readonly string[]): Promise<Map<string, CommandOutcome[]>> {
    const deadline = performance.now() + DEADLINE_MS
    for (;;) {
      const answers = await this.answers()
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
    const folded = foldTrail(definition, key, await this.trail(definition.name, key))
    return { stored: found?.record === undefined ? folded : decodeRecord(found.record), folded }
  }
}
