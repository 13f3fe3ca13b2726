import { crc32 } from 'node:zlib'
import {
  type AppendRequest,
  type Bus,
  deadLetterTopic,
  LOG_START,
  type LogVersion,
  RecordBatchBuilder,
} from '../bus/index.ts'
import type { Contract } from '../config/contract/model.ts'
import { deadLetterNames } from './dead-letter-names.ts'
import { batchOf, type DeadLetter, type LetterPlace, type OnUnreadable, readLetters } from './letter.ts'
import { type Rerun, rerun } from './rerun.ts'

const PAGE = 64
const REDIS_RESTARTED = 'Redis was restarted after the dead letters were listed: try again'

/** Letters that are stored in one record batch. */
export interface LetterBatch {
  readonly topic: string
  readonly partition: number
  readonly streamId: string
  readonly letters: readonly DeadLetter[]
  /** The log that they were read from. */
  readonly version: LogVersion
}

export type Redriven =
  /** `results`: the events it produced now, by topic; those of an earlier attempt were not stored again. */
  | { readonly done: true; readonly results: Readonly<Record<string, number>> }
  /** It stays. */
  | { readonly done: false; readonly why: string }

export interface RedrivenBatch {
  /** In the order in which they were asked for. */
  readonly outcomes: readonly (Redriven & { readonly letter: DeadLetter })[]
  /** The others of the batch, where they lie now; empty if none has moved. */
  readonly moved: readonly DeadLetter[]
}

interface DeadLetterParts {
  readonly bus: Bus
  readonly contract: Contract
  readonly onUnreadable: OnUnreadable
  /** Replicas that must have what a letter leads to before it is removed. */
  readonly replicas?: number
  /** Events that letters led to were stored. */
  readonly onEvents?: (topic: string, events: number) => void
}

/** The dead letters of a deployment: reading them, and redriving them. */
export class DeadLetters {
  readonly #parts: DeadLetterParts
  /** A channel has one append of a partition under way at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: DeadLetterParts) {
    this.#parts = parts
  }

  /** Topics that have any, in the order of the contract. */
  async topics(): Promise<readonly string[]> {
    const { bus, contract } = this.#parts
    const names = deadLetterNames(contract)
    const logs = names.map(deadLetterTopic)
    const partitions = Array.from({ length: bus.partitions }, (_, partition) => bus.log(partition, 'query').sizes(logs))
    const sizes = await Promise.all(partitions)
    return names.filter((_, i) => sizes.some((of) => of.get(logs[i]!)!.length > 0))
  }

  /**
   * Letters of some topics, or of all, oldest first within a topic and partition.
   *
   * @param from the batch to begin with, of the first of these topics
   */
  async *batches(
    topics: readonly string[] = deadLetterNames(this.#parts.contract),
    from?: LetterPlace,
  ): AsyncGenerator<LetterBatch> {
    let next = from
    for (const topic of topics) {
      for (let partition = next?.partition ?? 0; partition < this.#parts.bus.partitions; partition++) {
        yield* this.#log(topic, partition, next?.streamId ?? LOG_START)
        next = undefined
      }
    }
  }

  /** The batch with a letter; `undefined` where it lies no more. */
  async batchAt(topic: string, { partition, streamId, index }: LetterPlace): Promise<LetterBatch | undefined> {
    const log = this.#parts.bus.log(partition, 'query')
    const version = await log.version()
    const [entry] = await log.range(deadLetterTopic(topic), streamId, streamId, 1)
    if (entry === undefined) return undefined
    const letters = readLetters(topic, partition, entry, this.#parts.onUnreadable)
    const isThere = letters.some((letter) => letter.index === index)
    return isThere ? { topic, partition, streamId, letters, version } : undefined
  }

  /**
   * Redrives letters of one batch: runs the flow that threw and those behind it, or republishes an event that killed
   * workers. Results are stored once, however often it is tried: each letter is a producer of its own. Those that are
   * done are removed; the others of the batch are then stored anew, each by itself.
   *
   * @throws BusUnavailable, BusFull
   */
  async redrive(batch: LetterBatch, letters: readonly DeadLetter[]): Promise<RedrivenBatch> {
    const before = this.#turn
    const redriven = before.then(() => this.#redrive(batch, letters))
    this.#turn = redriven.catch(() => {})
    return redriven
  }

  async #redrive(batch: LetterBatch, letters: readonly DeadLetter[]): Promise<RedrivenBatch> {
    const outcomes: (Redriven & { letter: DeadLetter })[] = []
    for (const letter of letters) outcomes.push({ letter, ...(await this.#redriveOne(batch, letter)) })
    const done = new Set(outcomes.flatMap((one) => (one.done ? [one.letter] : [])))
    if (done.size === 0) return { outcomes, moved: [] }
    const { topic, partition, streamId, version } = batch
    const rest = batch.letters.filter((letter) => !done.has(letter))
    const log = this.#parts.bus.log(partition, 'query')
    // Refused, or gone by another's hand: what was redriven is stored once all the same.
    const ids = await log.replace(version, deadLetterTopic(topic), streamId, rest.map(batchOf))
    const moved = typeof ids === 'string' ? [] : rest.map((letter, i) => ({ ...letter, streamId: ids[i]!, index: 0 }))
    return { outcomes, moved }
  }

  async #redriveOne(batch: LetterBatch, letter: DeadLetter): Promise<Redriven> {
    const led = rerun(this.#parts.contract, letter)
    if (led.kind === 'stays') return { done: false, why: led.why }
    const why = await this.#store(batch, letter, led.results)
    if (why !== undefined) return { done: false, why }
    const results: Record<string, number> = {}
    for (const [topic] of led.results) results[topic] = (results[topic] ?? 0) + 1
    return { done: true, results }
  }

  async *#log(topic: string, partition: number, start: string): AsyncGenerator<LetterBatch> {
    const log = this.#parts.bus.log(partition, 'query')
    const version = await log.version()
    for (let from = start; ; ) {
      const { entries } = await log.page(deadLetterTopic(topic), from, PAGE)
      for (const entry of entries) {
        const { streamId } = entry
        const letters = readLetters(topic, partition, entry, this.#parts.onUnreadable)
        if (letters.length > 0) yield { topic, partition, streamId, letters, version }
      }
      if (entries.length < PAGE) return
      from = `(${entries.at(-1)!.streamId}`
    }
  }

  /** @returns why it could not be stored */
  async #store(
    { partition, version: { epoch, lineage } }: LetterBatch,
    { topic, origin }: DeadLetter,
    results: (Rerun & { kind: 'results' })['results'],
  ): Promise<string | undefined> {
    if (results.length === 0) return undefined
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
          producer: `redrive:${topic}:${origin}`,
          session: 1,
          seq: batch + 1,
          previous: batch === 0 ? '*' : batch,
          epoch,
          checksum: crc32(json).toString(36),
          ageMs: 0,
        },
      })),
    }
    const { bus, replicas = 0, onEvents } = this.#parts
    const reply = await bus.log(partition, 'query').append(request, { proved: lineage, replicas })
    if (reply.status !== 'ok') return REDIS_RESTARTED
    for (const [i, { verdict }] of reply.slices.entries()) if (verdict === 'new') onEvents?.(results[i]![0], 1)
    const refused = reply.slices.find(({ verdict }) => verdict !== 'new' && verdict !== 'duplicate')
    if (refused === undefined) return undefined
    if (refused.verdict === 'epoch_changed') return REDIS_RESTARTED
    return `stored otherwise before: its results have changed since (${refused.verdict})`
  }
}
