import { compareStreamIds } from '@tidegate/protocol'
import {
  ANSWERS_TOPIC,
  BusUnavailable,
  COMMANDS_TOPIC,
  deadLetterTopic,
  type LogVersion,
  partialsTopic,
} from '../bus/index.ts'
import type { WindowTopic } from '../config/contract/model.ts'
import { deadLetterNames } from '../dead-letters/index.ts'
import { ANSWERS_RETENTION_MS } from '../entities/index.ts'
import { foreignLog, mergersOf, type Offsets, type Pipeline } from '../fold/index.ts'
import type { PartitionStore } from './partition-store.ts'

/** Trimming is free at node borders, so there is no hurry. */
const TRIM_EVERY_MS = 10_000
/** A backfill without progress for this long holds nothing back: a forgotten one must not fill the disk. */
const BACKFILL_HOLD_MS = 10 * 60 * 1_000
/** Traces of entities in logs are trimmed when due, also where nothing comes after them: an entity may have been erased. */
const EXACTLY = { exactly: true } as const
/** Dead letters have no retention of their own in the config. */
export const DEAD_LETTER_RETENTION_MS = 24 * 60 * 60 * 1_000
/** Commands that were run are kept for whoever looks why something happened just now. */
export const COMMANDS_RETENTION_MS = 10 * 60 * 1_000

/** Trims a partition's logs by retention, but never below what a reader still needs, and notes their remaining size. */
export class Trimmer {
  readonly #store: PartitionStore
  readonly #pipeline: Pipeline
  readonly #partitions: number
  /** By the monotonic clock. Ages of entries follow Redis' clock, as stream ids do. */
  #trimmedAt: number

  constructor(store: PartitionStore, pipeline: Pipeline, partitions: number) {
    this.#store = store
    this.#pipeline = pipeline
    this.#partitions = partitions
    // Spread over the interval, so that the partitions of a worker do not trim together.
    this.#trimmedAt = performance.now() - (store.partition / partitions) * TRIM_EVERY_MS
  }

  /**
   * A trim that Redis does not answer is retried at the next interval.
   *
   * @param log version of the log from which `committed` was computed
   * @param committed stored offsets: a successor would read later entries again.
   */
  async trimWhenDue(log: LogVersion, token: string, committed: () => Offsets): Promise<void> {
    const now = performance.now()
    if (now - this.#trimmedAt < TRIM_EVERY_MS) return
    this.#trimmedAt = now
    try {
      await this.#trim(log, token, committed(), await this.#store.now())
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
    }
  }

  async #trim(log: LogVersion, token: string, committed: Offsets, now: number): Promise<void> {
    const inputs = new Set(this.#pipeline.inputs.map(({ name }) => name))
    const windows = this.#pipeline.windows.map(({ name }) => name)
    const backfills = await this.#store.backfillOffsets(windows, now, BACKFILL_HOLD_MS)
    for (const topic of this.#pipeline.contract.topics.values()) {
      const { name, retentionMs } = topic
      const cut = `${now - retentionMs}-0`
      const held = backfills.flatMap((offsets) => offsets.get(name) ?? [])
      const lowest = inputs.has(name) ? older(held.reduce(olderOf, cut), committed.get(name)) : cut
      if (lowest !== undefined)
        await this.#store.ledger.trim(log, token, name, lowest, {
          exactly: topic.kind === 'state' || topic.kind === 'events',
        })
    }
    for (const name of deadLetterNames(this.#pipeline.contract)) {
      const lowest = `${now - DEAD_LETTER_RETENTION_MS}-0`
      await this.#store.ledger.trim(log, token, deadLetterTopic(name), lowest, EXACTLY)
    }
    for (const window of this.#pipeline.windows) await this.#trimPartials(log, token, window)
    await this.#trimCommands(log, token, committed, now)
    const internal = this.#pipeline.contract.entities.size > 0 ? [COMMANDS_TOPIC, ANSWERS_TOPIC] : []
    await this.#store.ledger.noteLogBytes(token, [...this.#pipeline.contract.topics.keys(), ...internal])
  }

  /** Commands that were run are in the trails; answers are read for as long as they are known. */
  async #trimCommands(log: LogVersion, token: string, committed: Offsets, now: number): Promise<void> {
    if (this.#pipeline.contract.entities.size === 0) return
    const folded = committed.get(COMMANDS_TOPIC)
    // The record batch itself stays: some of it may not be folded.
    const lowest = older(`${now - COMMANDS_RETENTION_MS}-0`, folded?.slice(0, folded.indexOf('.')))
    if (lowest !== undefined) await this.#store.ledger.trim(log, token, COMMANDS_TOPIC, lowest, EXACTLY)
    await this.#store.ledger.trim(log, token, ANSWERS_TOPIC, `${now - ANSWERS_RETENTION_MS}-0`, EXACTLY)
  }

  /** Partials are needed until every merging partition has committed past them. */
  async #trimPartials(log: LogVersion, token: string, window: WindowTopic): Promise<void> {
    const topic = partialsTopic(window.name)
    let lowest: string | undefined
    for (const merger of mergersOf(window, this.#partitions)) {
      const read = (await this.#store.offsetsOf(merger)).get(foreignLog(this.#store.partition, topic))
      if (read === undefined) return
      lowest = lowest === undefined ? read : older(lowest, read)
    }
    if (lowest !== undefined) await this.#store.ledger.trim(log, token, topic, lowest)
  }
}

/** The older of two stream ids; nothing may be trimmed while the second is unknown. */
function older(a: string, b: string | undefined): string | undefined {
  return b === undefined ? undefined : olderOf(a, b)
}

function olderOf(a: string, b: string): string {
  return compareStreamIds(a, b) < 0 ? a : b
}
