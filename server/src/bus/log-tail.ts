import { setTimeout as sleep } from 'node:timers/promises'
import { openBlockingConnection, orWhyNot, type Redis, receivedOver, untilReady } from './connection.ts'
import { BusUnavailable } from './errors.ts'
import { slotOf } from './hash-slot.ts'
import { keys } from './keys.ts'
import { type LogEntry, readLogs } from './log-entry.ts'
import { type LogHeads, readEpochStarts, readLogHeads } from './log-heads.ts'
import type { Node } from './node.ts'
import type { Nodes } from './nodes.ts'
import { isElsewhere } from './outage.ts'

/** How soon to retry a wake-up when its read had not reached Redis yet. */
const WAKE_RETRY_MS = 5
/** How soon to read again from another node, or from one that has not taken a slot over yet. */
const MOVED_RETRY_MS = 20

/**
 * One connection for one blocking read at a time over logs of one partition. `wake` ends a waiting read early, because
 * the list of logs cannot be changed while it waits.
 */
export class LogTail {
  readonly partition: number
  readonly #redis: Redis
  readonly #nodes: Nodes
  readonly #slot: number
  readonly #received: { readonly receivedBytes: () => number }
  /** Where the connection leads to, and its number there: only there it means this connection. */
  #client: { readonly node: Node; readonly id: number } | undefined
  #readsBegun = 0
  #reading = false
  #fresh = false

  constructor(url: string, name: string, partition: number, nodes: Nodes) {
    this.partition = partition
    this.#nodes = nodes
    this.#slot = slotOf(keys.meta(partition))
    this.#redis = openBlockingConnection(url, name, { slot: this.#slot })
    this.#received = { receivedBytes: receivedOver(this.#redis) }
    this.#redis.on('close', () => {
      this.#fresh = false
      this.#client = undefined
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
      const node = this.#nodes.of(this.#redis)
      const id = (await this.#redis.client('ID')) as number
      // Another node would take the number for a connection of somebody else.
      if (node !== undefined && this.#nodes.of(this.#redis) === node) this.#client = { node, id }
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
    while (this.#reading && this.#readsBegun === read && this.#client !== undefined) {
      const { node, id } = this.#client
      try {
        // Another connection: nothing can be sent behind a blocked read.
        if ((await node.line('tail').redis.client('UNBLOCK', id)) === 1) return
      } catch {
        return
      }
      await sleep(WAKE_RETRY_MS)
    }
  }

  close(): void {
    this.#redis.disconnect()
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    const reconnecting = async () => {
      try {
        return await orWhyNot(this.#redis, call())
      } catch (error) {
        this.#reconnect()
        throw error
      }
    }
    try {
      return await this.#nodes.at(this.#slot).guard('tail').run(reconnecting, this.#received)
    } catch (error) {
      if (!isElsewhere(error)) throw error
      this.#nodes.learn(error)
      throw new BusUnavailable('not_sent', MOVED_RETRY_MS, error)
    }
  }

  /**
   * A missed deadline says nothing about later answers on the connection: only a new connection is known to be good.
   */
  #reconnect(): void {
    this.#fresh = false
    if (this.#redis.status === 'ready') this.#redis.disconnect(true)
  }
}
