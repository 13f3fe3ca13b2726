import { setTimeout as sleep } from 'node:timers/promises'
import { openBlockingConnection, orWhyNot, type Redis, receivedOver, untilReady } from './connection.ts'
import type { Guard } from './guard.ts'
import { type LogEntry, readLogs } from './log-entry.ts'
import { type LogHeads, readEpochStarts, readLogHeads } from './log-heads.ts'

/** How soon to retry a wake-up when its read had not reached Redis yet. */
const WAKE_RETRY_MS = 5

/**
 * One connection for one blocking read at a time over logs of one partition. `wake` ends a waiting read early, because
 * the list of logs cannot be changed while it waits.
 */
export class LogTail {
  readonly partition: number
  readonly #redis: Redis
  /** Another connection: nothing can be sent behind a blocked read. */
  readonly #commands: Redis
  readonly #guard: Guard
  readonly #received: { readonly receivedBytes: () => number }
  #clientId: number | undefined
  #readsBegun = 0
  #reading = false
  #fresh = false

  constructor(url: string, name: string, partition: number, commands: Redis, guard: Guard) {
    this.partition = partition
    this.#commands = commands
    this.#guard = guard
    this.#redis = openBlockingConnection(url, name)
    this.#received = { receivedBytes: receivedOver(this.#redis) }
    this.#redis.on('close', () => {
      this.#fresh = false
    })
  }

  /** Resolves once reads can be sent, rejects after `deadlineMs`. */
  untilReady(deadlineMs: number): Promise<void> {
    return untilReady(this.#redis, deadlineMs)
  }

  /** False after every reconnect until `sync` has read the heads through the new connection. */
  get synced(): boolean {
    return this.#fresh
  }

  /**
   * The heads of the logs on the server now connected: it may be another one, or have lost entries.
   *
   * @throws BusUnavailable
   */
  sync(topics: readonly string[]): Promise<LogHeads> {
    return this.#run(async () => {
      this.#fresh = true
      this.#clientId = (await this.#redis.client('ID')) as number
      return readLogHeads(this.#redis, this.partition, topics)
    })
  }

  /** Where the present epoch begins in the logs: the newest entry of each that is not of it. @throws BusUnavailable */
  epochStarts(topics: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#run(() => readEpochStarts(this.#redis, this.partition, topics))
  }

  /**
   * Waits for entries after the cursors (exclusive); empty when there were none or when woken.
   *
   * @param options.blockMs at most `BLOCK_MS`; 0 does not wait.
   * @throws BusUnavailable
   */
  read(cursors: ReadonlyMap<string, string>, options: { count: number; blockMs: number }): Promise<LogEntry[]> {
    return this.#run(async () => {
      this.#readsBegun++
      this.#reading = true
      try {
        return await readLogs(this.#redis, this.partition, cursors, options)
      } finally {
        this.#reading = false
      }
    })
  }

  /**
   * Ends the waiting read so that the caller can read with other cursors. Best effort: it ends by itself within
   * `BLOCK_MS`.
   */
  async wake(): Promise<void> {
    const read = this.#readsBegun
    while (this.#reading && this.#readsBegun === read && this.#clientId !== undefined) {
      try {
        if ((await this.#commands.client('UNBLOCK', this.#clientId)) === 1) return
      } catch {
        return
      }
      await sleep(WAKE_RETRY_MS)
    }
  }

  close(): void {
    this.#redis.disconnect()
  }

  #run<T>(call: () => Promise<T>): Promise<T> {
    const reconnecting = async () => {
      try {
        return await orWhyNot(this.#redis, call())
      } catch (error) {
        this.#reconnect()
        throw error
      }
    }
    return this.#guard.run(reconnecting, this.#received)
  }

  /**
   * A missed deadline says nothing about later answers on the connection: only a new connection is known to be good.
   */
  #reconnect(): void {
    this.#fresh = false
    if (this.#redis.status === 'ready') this.#redis.disconnect(true)
  }
}
