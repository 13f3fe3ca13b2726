import { type Bus, BusUnavailable, type LogEntry, type LogRead, SharedCalls } from '../bus/index.ts'

/** Record batches of one read and log: at 64 KiB each this bounds what a partition holds in memory. */
export const READ_COUNT = 64
/** Partitions of one call: what it brings is read at once. */
const MAX_PARTS = 64

/**
 * Reads of logs that do not wait, over a connection of the process. Those that partitions begin in the same stretch of the event
 * loop are one call, and end at the same moment.
 */
export class SharedReads {
  readonly #bus: Pick<Bus, 'after' | 'log'>
  readonly #calls = new SharedCalls<LogRead, LogEntry[]>({
    call: (reads) => this.#readAll(reads),
    maxParts: MAX_PARTS,
  })

  constructor(bus: Pick<Bus, 'after' | 'log'>) {
    this.#bus = bus
  }

  /** What lies behind the cursors now, up to `READ_COUNT` entries of each log. @throws BusUnavailable */
  after(partition: number, cursors: ReadonlyMap<string, string>): Promise<LogEntry[]> {
    return this.#calls.add({ partition, cursors })
  }

  /** Where they cannot be read together, each by itself: one that cannot be read hides no other. */
  async #readAll(reads: readonly LogRead[]) {
    try {
      const found = await this.#bus.after(reads, 'tail', READ_COUNT)
      return found.map((reply) => ({ reply }))
    } catch (error) {
      if (error instanceof BusUnavailable) throw error
      return Promise.all(reads.map((read) => this.#readAlone(read)))
    }
  }

  async #readAlone({ partition, cursors }: LogRead) {
    try {
      return { reply: await this.#bus.log(partition, 'tail').after(cursors, READ_COUNT) }
    } catch (error) {
      return { error: error as Error }
    }
  }
}
