import {
  BatchReader,
  type Bus,
  CorruptBatch,
  type Entities,
  type Log,
  type LogEntry,
  type OwnerLedger,
  type PresenceStore,
  type Results,
} from '../bus/index.ts'
import { decodeOffsets, decodeProgress, isLost, type LostInput, type Offsets, type StoredState } from '../fold/index.ts'
import type { ChainStart } from '../lease/index.ts'

/** State together with the base of the next commit. */
export interface LoadedState extends StoredState, ChainStart {}

/** Number of record batches behind a loss that show how far event times had advanced. */
const FIRST_ENTRIES = 64

/** A partition's owner's data in Redis. Every method throws BusUnavailable when Redis does not answer. */
export class PartitionStore {
  readonly partition: number
  readonly ledger: OwnerLedger
  /** The same over the connection of `entities`, for commits that do not wait behind large ones of other partitions. */
  readonly answersLedger: OwnerLedger
  readonly log: Log
  /** The log of answers is read over the connection of `entities`, too. */
  readonly answersLog: Log
  /**
   * Whoever reads MUST know what is committed and not answered yet: it may not be there. The fold of entities does, and an owner
   * looks at all of them with nothing uncommitted.
   */
  readonly entities: Entities
  /** Read over the connection of the commits: what is read was written by all that were sent before. */
  readonly results: Results
  readonly presence: PresenceStore
  readonly #bus: Bus

  constructor(partition: number, bus: Bus) {
    this.partition = partition
    this.ledger = bus.ledger(partition, 'commit')
    this.answersLedger = bus.ledger(partition, 'answers')
    this.log = bus.log(partition, 'commit')
    this.answersLog = bus.log(partition, 'answers')
    this.entities = bus.entities(partition, 'answers')
    this.results = bus.results(partition, 'commit')
    this.presence = bus.presence(partition, 'commit')
    this.#bus = bus
  }

  /** The committed state of the partition. Only its owner may rely on it. */
  async load(hashes: readonly string[], entities: Iterable<string>): Promise<LoadedState> {
    // Before the states: if Redis loses something in between, no commit is accepted.
    const { log, commitSeq, offsets, clocks } = await this.ledger.head()
    const stored = await this.ledger.load(hashes)
    const counts = [...entities].map(async (name) => [name, await this.entities.count(name)] as const)
    return {
      log,
      commitSeq,
      offsets: decodeOffsets(offsets),
      offsetsText: offsets,
      progress: decodeProgress(clocks),
      stored,
      entityCounts: new Map(await Promise.all(counts)),
    }
  }

  /** The logs that have lost entries behind an offset. */
  async lostInputs(topics: readonly string[], offsets: Offsets): Promise<LostInput[]> {
    const heads = await this.log.heads(topics)
    const lost = topics.filter((topic) => isLost(offsets.get(topic), heads.topics.get(topic)!.trimmedTo))
    return Promise.all(lost.map((topic) => this.#lostInput(topic)))
  }

  async #lostInput(topic: string): Promise<LostInput> {
    const { entries, trimmedTo } = await this.log.page(topic, '-', FIRST_ENTRIES)
    const times = entries.flatMap(timesOf)
    return { topic, trimmedTo, firstTime: times.length === 0 ? undefined : largest(times) }
  }

  /** The log of another partition, for appends. */
  logOf(partition: number): Log {
    return this.#bus.log(partition, 'commit')
  }

  /** Committed offsets of another partition's owner. */
  async offsetsOf(partition: number): Promise<Offsets> {
    return decodeOffsets((await this.#bus.ledger(partition, 'commit').head()).offsets)
  }

  /** The clock of the Redis that holds the partition, ms. */
  now(): Promise<number> {
    return this.#bus.now(this.partition)
  }

  /**
   * How far backfills of windows in this partition have read, for those with progress within `withinMs` of `now`, Redis
   * ms. A time further ahead of it is from before Redis' clock was set back.
   */
  async backfillOffsets(windows: readonly string[], now: number, withinMs: number): Promise<Offsets[]> {
    const records = windows.map((window) => this.#bus.backfillLedger(this.partition, window, 'commit').record())
    return (await Promise.all(records))
      .filter((record) => record?.status === 'open' && Math.abs(now - record.heartbeat) <= withinMs)
      .map((record) => decodeOffsets(record!.offsets))
  }
}

/** None of one that cannot be read. */
function timesOf(entry: LogEntry): readonly number[] {
  try {
    return new BatchReader(entry).header.times
  } catch (error) {
    if (error instanceof CorruptBatch) return []
    throw error
  }
}

/** Not a spread: each of thousands would be an argument. */
function largest(times: readonly number[]): number {
  return times.reduce((most, time) => Math.max(most, time), Number.NEGATIVE_INFINITY)
}
