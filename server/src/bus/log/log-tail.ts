import type { LogEntry } from './log-entry.ts'
import { type LogHeads, readEpochStarts, readLogHeads } from './log-heads.ts'
import type { TailConnection } from './tail-connection.ts'

/**
 * One blocking read at a time over logs of one partition. `wake` ends a waiting read early, because the list of logs cannot be
 * changed while it waits.
 */
export class LogTail {
  readonly partition: number
  readonly #connection: TailConnection
  /** The number of the connection through which the heads were read. */
  #syncedOver: number | undefined
  #endRead = () => {}
  #isClosed = false

  /** @param connection is left when this is closed */
  constructor(partition: number, connection: TailConnection) {
    this.partition = partition
    this.#connection = connection
    connection.join()
  }

  /** Resolves once reads can be sent, rejects after `deadlineMs`. */
  untilReady(deadlineMs: number): Promise<void> {
    return this.#connection.untilReady(deadlineMs)
  }

  /** False after every reconnect until `sync` has read the heads through the new connection. */
  get synced(): boolean {
    return this.#syncedOver === this.#connection.number
  }

  /**
   * The heads of the logs on the server now connected: it may be another one, or have lost entries.
   *
   * @throws BusUnavailable
   */
  sync(topics: readonly string[]): Promise<LogHeads> {
    return this.#connection.call(async (redis) => {
      this.#syncedOver = this.#connection.number
      await this.#connection.introduce(redis)
      return readLogHeads(redis, this.partition, topics)
    })
  }

  /** Where the present epoch begins in the logs: the newest entry of each that is not of it. @throws BusUnavailable */
  epochStarts(topics: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#connection.call((redis) => readEpochStarts(redis, this.partition, topics))
  }

  /**
   * Waits for entries after the cursors (exclusive); empty when there were none or when woken.
   *
   * @param options.blockMs at most `BLOCK_MS`; 0 does not wait.
   * @throws BusUnavailable
   */
  async read(
    cursors: ReadonlyMap<string, string>,
    options: { count: number; blockMs: number },
  ): Promise<readonly LogEntry[]> {
    if (this.#isClosed) return []
    const { entries, end } = this.#connection.read({ partition: this.partition, cursors, ...options })
    this.#endRead = end
    return entries
  }

  /** Ends the waiting read so that the caller can read with other cursors. */
  wake(): void {
    this.#endRead()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#endRead()
    this.#connection.leave()
  }
}
