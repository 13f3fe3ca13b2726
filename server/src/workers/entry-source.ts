import {
  BlockingReader,
  type Guard,
  LOG_START,
  type LogEntry,
  partialsTopic,
  type Redis,
  readLogs,
} from '../bus/index.ts'
import { foreignLog, type Offsets } from './progress.ts'

/** Record batches of one read and log: at 64 KiB each this bounds what a partition holds in memory. */
const READ_COUNT = 64

/** A report of a source partition for a window over all keys. */
export interface ReportEntry {
  readonly source: number
  readonly entry: LogEntry
}

/**
 * The reads of one partition's owner: a blocking one over its own logs, and polls of the partials it merges. Each
 * partition has a connection of its own: a blocked read lets nothing pass behind it, and in a cluster its slot may be
 * on another node than that of the next partition.
 */
export class EntrySource {
  readonly #partitions: number
  readonly #reader: BlockingReader
  readonly #commands: Redis
  readonly #guard: Guard

  constructor(redisUrl: string, partition: number, partitions: number, commands: Redis, guard: Guard) {
    this.#partitions = partitions
    this.#reader = new BlockingReader(redisUrl, `worker-${partition}`, partition, commands)
    this.#commands = commands
    this.#guard = guard
  }

  /** Entries after the cursors; waits up to `blockMs` for the first one, 0 does not wait. @throws BusUnavailable */
  read(cursors: ReadonlyMap<string, string>, blockMs: number): Promise<LogEntry[]> {
    return this.#guard.run(async () => {
      if (!this.#reader.synced) await this.#reader.sync([])
      return this.#reader.read(cursors, { count: READ_COUNT, blockMs })
    })
  }

  /** Ends a read that waits. */
  wake(): void {
    void this.#reader.wake()
  }

  /** Reports of every source partition for a merged window, after the offsets. @throws BusUnavailable */
  async readReports(window: string, offsets: Offsets): Promise<ReportEntry[]> {
    const topic = partialsTopic(window)
    const readOne = async (source: number): Promise<ReportEntry[]> => {
      const cursor = new Map([[topic, offsets.get(foreignLog(source, topic)) ?? LOG_START]])
      const entries = await readLogs(this.#commands, source, cursor, { count: READ_COUNT, blockMs: 0 })
      return entries.map((entry) => ({ source, entry }))
    }
    const sources = Array.from({ length: this.#partitions }, (_, source) => source)
    const reports = await this.#guard.run(() => Promise.all(sources.map(readOne)))
    return reports.flat()
  }

  close(): void {
    this.#reader.close()
  }
}
