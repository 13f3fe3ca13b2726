import {
  type Bus,
  BusUnavailable,
  COMMANDS_TOPIC,
  LOG_START,
  type LogEntry,
  type LogTail,
  partialsTopic,
} from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import { decodeOffsets, foreignLog, type Offsets } from '../fold/index.ts'
import { READ_COUNT, type SharedReads } from './shared-reads.ts'

/** A report of a source partition for a window over all keys. */
export interface ReportEntry {
  readonly source: number
  readonly entry: LogEntry
}

export interface ReadResult {
  readonly entries: readonly LogEntry[]
  /**
   * Time of the read, ms of Redis' clock: an entry missing from `entries` did not exist then, except in topics of
   * `behind`.
   */
  readonly polledAt: number
  /** Topics that may hold more than was read. */
  readonly behind: ReadonlySet<string>
}

/** A read made in advance. */
interface ReadAhead {
  readonly cursors: ReadonlyMap<string, string>
  readonly result: Promise<ReadResult | undefined>
}

/**
 * The reads of one partition's owner: a blocking one over its own logs, and polls of the partials it merges. Each
 * partition has a connection of its own: a blocked read holds up everything behind it, and in a cluster the slot may be
 * on another node than the next partition's.
 */
export class EntrySource {
  readonly #partition: number
  readonly #bus: Bus
  readonly #tail: LogTail
  readonly #clock: Clock
  #ahead: ReadAhead | undefined
  #endWait = () => {}
  /** Whether the wait of the read under way was ended. */
  #isWoken = false

  constructor(partition: number, bus: Bus, clock: Clock) {
    this.#partition = partition
    this.#bus = bus
    this.#tail = bus.tail(partition, 'worker')
    this.#clock = clock
  }

  /**
   * Entries after the cursors; waits up to `blockMs` for the first one, 0 does not wait. After a full read, the next
   * one is under way while its entries are folded. One call at a time.
   *
   * @throws BusUnavailable
   */
  read(cursors: ReadonlyMap<string, string>, blockMs: number): Promise<ReadResult> {
    return this.#readNext(cursors, () => this.#poll(cursors, blockMs))
  }

  /**
   * The same without waiting, together with other partitions.
   *
   * @throws BusUnavailable
   */
  readTogether(cursors: ReadonlyMap<string, string>, reads: Pick<SharedReads, 'after'>): Promise<ReadResult> {
    return this.#readNext(cursors, async () => {
      const polledAt = this.#clock.now()
      const entries = await reads.after(this.#partition, cursors)
      return { entries, polledAt, behind: fullTopics(entries) }
    })
  }

  async #readNext(cursors: ReadonlyMap<string, string>, poll: () => Promise<ReadResult>): Promise<ReadResult> {
    const ahead = this.#ahead
    this.#ahead = undefined
    // Even a useless one is waited for: the connection serves one read at a time.
    const early = await ahead?.result
    const isNext = early !== undefined && early.entries.length > 0 && isSame(ahead!.cursors, cursors)
    const result = isNext ? early : await poll()
    if (result.entries.length >= READ_COUNT) this.#readAhead(cursors, result.entries)
    return result
  }

  /** Entries read in advance may belong to another version of the log. */
  forget(): void {
    if (this.#ahead !== undefined) this.#ahead = { ...this.#ahead, cursors: new Map() }
  }

  #readAhead(cursors: ReadonlyMap<string, string>, entries: readonly LogEntry[]): void {
    const next = new Map(cursors)
    for (const { topic, streamId } of entries) next.set(topic, streamId)
    const result = this.#poll(next, 0).catch(
      // The requested read meets the same fault and reports it.
      () => undefined,
    )
    this.#ahead = { cursors: next, result }
  }

  async #poll(cursors: ReadonlyMap<string, string>, blockMs: number): Promise<ReadResult> {
    if (cursors.size === 0) return this.#waitForNothing(blockMs)
    if (!this.#tail.synced) await this.#tail.sync([])
    // Not when it is answered: this process may have slept since, and entries have come meanwhile.
    const askedAt = this.#clock.now()
    this.#isWoken = false
    const entries = await this.#tail.read(cursors, { count: READ_COUNT, blockMs })
    const waitedMs = entries.length === 0 && !this.#isWoken ? blockMs : 0
    return { entries, polledAt: askedAt + waitedMs, behind: fullTopics(entries) }
  }

  /** Nothing is computed from any topic, so there is nothing to read. */
  async #waitForNothing(blockMs: number): Promise<ReadResult> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, blockMs)
      this.#endWait = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    return { entries: [], polledAt: this.#clock.now(), behind: new Set() }
  }

  /** Ends a read that waits. */
  wake(): void {
    this.#isWoken = true
    this.#endWait()
    this.#tail.wake()
  }

  /** Reports of every source partition for a merged window, after the offsets. @throws BusUnavailable */
  async readReports(window: string, offsets: Offsets): Promise<ReportEntry[]> {
    const topic = partialsTopic(window)
    const reads = Array.from({ length: this.#bus.partitions }, (_, partition) => {
      // A call would wait for the outcome of a probe.
      const retryAfterMs = this.#bus.retryAfterMs('tail', partition)
      if (retryAfterMs > 0) throw new BusUnavailable('not_sent', retryAfterMs, 'calls of tail fail')
      return { partition, cursors: new Map([[topic, offsets.get(foreignLog(partition, topic)) ?? LOG_START]]) }
    })
    const found = await this.#bus.after(reads, 'tail', READ_COUNT)
    return found.flatMap((entries, source) => entries.map((entry) => ({ source, entry })))
  }

  /**
   * Those of `partitions` that have no input for a window at this moment: a live owner has committed everything their
   * logs hold of its sources, and its reports were read.
   *
   * @param offsets up to where the reports of each were read
   * @throws BusUnavailable
   */
  async withoutInput(
    window: string,
    sources: readonly string[],
    partitions: readonly number[],
    offsets: Offsets,
  ): Promise<ReadonlySet<number>> {
    const partials = partialsTopic(window)
    const standings = await Promise.all(
      partitions.map((partition) => this.#bus.log(partition, 'tail').standing([partials, ...sources])),
    )
    return new Set(
      partitions.filter((partition, i) => {
        const { isOwned, offsets: committedText, lastIds } = standings[i]!
        const committed = decodeOffsets(committedText)
        const isAt = (topic: string, at = LOG_START) => lastIds.get(topic) === at
        return (
          isOwned &&
          isAt(partials, offsets.get(foreignLog(partition, partials))) &&
          sources.every((topic) => isAt(topic, committed.get(topic)))
        )
      }),
    )
  }

  close(): void {
    this.#tail.close()
  }
}

/** Topics of which a read returned as much as one read may. */
function fullTopics(entries: readonly LogEntry[]): Set<string> {
  const counts = new Map<string, number>()
  for (const { topic } of entries) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  return new Set([...counts.keys()].filter((topic) => counts.get(topic)! >= READ_COUNT))
}

/** But for commands, of which more may have been read meanwhile: repeated ones are known by their offset. */
function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  const isAt = ([topic, streamId]: readonly [string, string]) => topic === COMMANDS_TOPIC || b.get(topic) === streamId
  return a.size === b.size && [...a].every(isAt)
}
