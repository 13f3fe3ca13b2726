import { crc32 } from 'node:zlib'
import { isSampled } from '@tidegate/protocol'
import {
  type AppendRequest,
  type Bus,
  COMMANDS_TOPIC,
  type EventBody,
  encodeEvent,
  LOG_START,
  type LogVersion,
  RecordBatchBuilder,
  type StoredEvent,
  traceMembers,
} from '../bus/index.ts'
import type { Contract, FlowTopic } from '../config/model.ts'
import { deadLetterNames, deadLetterTopic, decodeBatch, type OnUnreadable, Pipeline } from '../fold/index.ts'
import { applyFlow } from '../operators/index.ts'

const PAGE = 64
const REDIS_RESTARTED = 'Redis was restarted after the dead letters were listed: try again'

/** An event on which the code of a topic or an entity failed. */
export interface DeadLetter {
  /** Or entity and topic. */
  readonly topic: string
  readonly partition: number
  /** Position of its record batch, and its index there. */
  readonly streamId: string
  readonly index: number
  /** Why it is here. */
  readonly cause: string
  readonly event: EventBody
}

export type Redriven =
  /** `results`: the events it produced now, by topic; those of an earlier attempt were not stored again. */
  | { readonly done: true; readonly results: Readonly<Record<string, number>> }
  /** It stays. */
  | { readonly done: false; readonly why: string }

/** The dead letters of a deployment: listing them, and redriving them. */
export class DeadLetters {
  readonly #bus: Bus
  readonly #contract: Contract
  readonly #pipeline: Pipeline
  readonly #onUnreadable: OnUnreadable
  /** Partition -> version of the log from which its letters were listed. */
  readonly #logs = new Map<number, LogVersion>()

  /** @param onUnreadable takes note of a record batch whose letters cannot be listed */
  constructor(bus: Bus, contract: Contract, onUnreadable: OnUnreadable) {
    this.#onUnreadable = onUnreadable
    this.#bus = bus
    this.#contract = contract
    this.#pipeline = new Pipeline(contract)
  }

  /** Letters of some topics, or of all, oldest first within a topic and partition. */
  async *list(topics: readonly string[] = deadLetterNames(this.#contract)): AsyncGenerator<DeadLetter> {
    for (const topic of topics) {
      for (let partition = 0; partition < this.#bus.partitions; partition++) yield* this.#listLog(topic, partition)
    }
  }

  /**
   * Redrives one event: runs the flow that threw and those behind it, or republishes an event that killed workers. Its
   * results are stored once, however often it is tried: each letter is a producer of its own. Windows over the flow
   * have moved on and do not see it.
   *
   * @throws BusUnavailable, BusFull
   */
  async redrive(letter: DeadLetter): Promise<Redriven> {
    let results: readonly [topic: string, event: StoredEvent][]
    try {
      results = [...this.#resultsOf(letter)]
    } catch (error) {
      return { done: false, why: error instanceof Error ? error.message : String(error) }
    }
    await this.#store(letter, results)
    const topics: Record<string, number> = {}
    for (const [topic] of results) topics[topic] = (topics[topic] ?? 0) + 1
    return { done: true, results: topics }
  }

  /**
   * Removes record batches of listed letters whose events were all redriven. Keeps them if Redis has lost something
   * since.
   */
  async remove(topic: string, partition: number, streamIds: readonly string[]): Promise<void> {
    if (streamIds.length === 0) return
    const log = this.#logs.get(partition)!
    await this.#bus.log(partition, 'query').remove(log, deadLetterTopic(topic), streamIds)
  }

  /** Windows that do not see the redriven events of a topic. */
  windowsBehind(topic: string): readonly string[] {
    if (this.#contract.topics.get(topic)?.kind === 'source') return []
    const here = this.#pipeline.windowsOf(topic).map(({ name }) => name)
    return [...here, ...this.#pipeline.flowsOf(topic).flatMap(({ name }) => this.windowsBehind(name))]
  }

  async *#listLog(topic: string, partition: number): AsyncGenerator<DeadLetter> {
    const log = this.#bus.log(partition, 'query')
    if (!this.#logs.has(partition)) this.#logs.set(partition, await log.version())
    for (let from = LOG_START; ; ) {
      const { entries } = await log.page(deadLetterTopic(topic), from, PAGE)
      for (const entry of entries) {
        const { streamId } = entry
        if (streamId === from) continue
        for (const [index, { data, ...event }] of decodeBatch(entry, this.#onUnreadable).events.entries()) {
          const { cause, data: original } = data as { cause: string; data: unknown }
          yield { topic, partition, streamId, index, cause, event: { ...event, data: original } }
        }
      }
      if (entries.length < PAGE) return
      from = entries.at(-1)!.streamId
    }
  }

  #resultsOf({ topic, event }: DeadLetter): Iterable<[topic: string, event: StoredEvent]> {
    if (topic === COMMANDS_TOPIC) throw new Error('commands are kept without their input: let the sender send it again')
    const definition = this.#contract.topics.get(topic)
    if (definition === undefined && deadLetterNames(this.#contract).includes(topic)) {
      const instead = 'publish it again under a new id, or send the entity a command that makes up for it'
      throw new Error(`what an entity folds cannot be redriven: it has decided on later events since; ${instead}`)
    }
    if (definition === undefined) throw new Error(`the config has no topic ${topic} any more`)
    switch (definition.kind) {
      case 'source':
        return [[topic, stored(event, definition.laneOf(event.data))]]
      case 'flow':
        return this.#flowResults(definition, event)
      default:
        throw new Error(`what belongs to a ${definition.kind} cannot be redriven: it has moved on`)
    }
  }

  *#flowResults(flow: FlowTopic, event: EventBody): Generator<[topic: string, event: StoredEvent]> {
    const data = applyFlow(flow.steps, event.data)
    if (data === undefined) return
    const result = { ...event, data }
    yield [flow.name, stored(result, flow.laneOf(data))]
    for (const next of this.#pipeline.flowsOf(flow.name)) yield* this.#flowResults(next, result)
  }

  async #store(
    { topic, partition, streamId, index }: DeadLetter,
    results: readonly [topic: string, event: StoredEvent][],
  ): Promise<void> {
    if (results.length === 0) return
    const producer = `redrive:${topic}:${streamId}.${index}`
    const { epoch, lineage } = this.#logs.get(partition)!
    const request: AppendRequest = {
      batches: results.map(([name, event]) => {
        const builder = new RecordBatchBuilder()
        builder.addSlice([event])
        return { topic: name, ...builder.build() }
      }),
      slices: results.map(([, { json }], batch) => ({
        batch,
        lastIndex: 0,
        identity: {
          producer,
          session: 1,
          seq: batch + 1,
          previous: batch === 0 ? '*' : batch,
          epoch,
          checksum: crc32(json).toString(36),
          ageMs: 0,
        },
      })),
    }
    const reply = await this.#bus.log(partition, 'query').append(request, { proved: lineage })
    if (reply.status !== 'ok') throw new Error(REDIS_RESTARTED)
    if (reply.slices.some(({ verdict }) => verdict === 'epoch_changed')) throw new Error(REDIS_RESTARTED)
    const refused = reply.slices.find(({ verdict }) => verdict !== 'new' && verdict !== 'duplicate')
    if (refused !== undefined)
      throw new Error(`stored otherwise before: its results have changed since (${refused.verdict})`)
  }
}

function stored(event: EventBody, lane: StoredEvent['lane']): StoredEvent {
  const { id, key, time, source, data } = event
  const json = encodeEvent(id, key, time, source, JSON.stringify(data), traceMembers(event))
  return { key, lane, time, json, isSampled: isSampled(event) }
}
