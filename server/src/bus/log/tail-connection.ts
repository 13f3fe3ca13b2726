import { setTimeout as sleep } from 'node:timers/promises'
import { BusUnavailable } from '../errors.ts'
import type { Node } from '../nodes/node.ts'
import type { Nodes } from '../nodes/nodes.ts'
import { openBlockingConnection, orWhyNot, type Redis, receivedOver, untilReady } from '../redis/connection.ts'
import { isElsewhere, isRefusal } from '../redis/outage.ts'
import { type LogEntry, type LogRead, readTogether } from './log-entry.ts'

/** How soon to retry a wake-up when its read had not reached Redis yet. */
const WAKE_RETRY_MS = 5
/** How soon to read again from another node, or from one that has not taken a slot over yet. */
const MOVED_RETRY_MS = 20
/** Entries of each log that one read of several partitions brings: together they bound the work of one turn of the event loop. */
const SHARED_ENTRIES = 256
/** Of each, however many partitions there are. */
const MIN_ENTRIES = 4

/** A read that waits for entries. */
export interface TailRead extends LogRead {
  /** Entries of each log. */
  readonly count: number
  /** 0 does not wait. */
  readonly blockMs: number
}

interface WaitingRead extends TailRead {
  /** Monotonic, ms. */
  readonly until: number
  resolve(entries: readonly LogEntry[]): void
  reject(error: unknown): void
}

/**
 * A connection for the blocking reads of one partition, or of all where one Redis holds them. What waits at the same time is one
 * XREAD: a turn in which several partitions are written to costs one or two reads, and not one for each.
 */
export class TailConnection {
  readonly #redis: Redis
  readonly #nodes: Nodes
  readonly #slot: number
  readonly #received: { readonly receivedBytes: () => number }
  readonly #waiting = new Set<WaitingRead>()
  /** Where the connection leads to, and its number there: only there it means this connection. */
  #client: { readonly node: Node; readonly id: number } | undefined
  #number = 0
  #opening: Promise<void> | undefined
  /** Reads sent so far. */
  #sent = 0
  /** Whether one is under way that waits. */
  #isBlocked = false
  #isReading = false
  /** Whether something waits that it lacks. */
  #isWanted = false
  #isWaking = false
  #isDue = false
  /** Commands that are no reads, under way. */
  #calls = 0
  #users = 0

  /** @param slot of which the Redis is the one to read from */
  constructor(url: string, name: string, slot: number, nodes: Nodes) {
    this.#nodes = nodes
    this.#slot = slot
    this.#redis = openBlockingConnection(url, name, { slot })
    this.#received = { receivedBytes: receivedOver(this.#redis) }
    this.#redis.on('close', () => {
      this.#number++
      this.#client = undefined
    })
  }

  /** Another one after each reconnect. */
  get number(): number {
    return this.#number
  }

  /** Resolves once it is there. Those who ask meanwhile share the deadline of the first. @throws BusUnreachable */
  untilReady(deadlineMs: number): Promise<void> {
    this.#opening ??= untilReady(this.#redis, deadlineMs).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** MUST be followed by one `leave`, the last of which closes the connection. */
  join(): void {
    this.#users++
  }

  leave(): void {
    this.#users--
    if (this.#users === 0) this.#redis.disconnect()
  }

  /** Learns what this connection is called, so that its reads can be ended. MUST be part of a `call`. */
  async introduce(redis: Redis): Promise<void> {
    const node = this.#nodes.of(redis)
    const id = (await redis.client('ID')) as number
    // Another node would take the number for a connection of somebody else.
    if (node !== undefined && this.#nodes.of(redis) === node) this.#client = { node, id }
  }

  /** Commands that answer at once. A read that waits is ended first. @throws BusUnavailable */
  async call<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    this.#calls++
    try {
      this.#want()
      return await this.#guarded(() => call(this.#redis))
    } finally {
      this.#calls--
      this.#schedule()
    }
  }

  /** Entries after the cursors; none if none came in time, or the read was ended. @throws BusUnavailable */
  read(read: TailRead): { readonly entries: Promise<readonly LogEntry[]>; readonly end: () => void } {
    let end = () => {}
    const entries = new Promise<readonly LogEntry[]>((resolve, reject) => {
      const waiting: WaitingRead = { ...read, until: performance.now() + read.blockMs, resolve, reject }
      end = () => {
        if (this.#waiting.delete(waiting)) resolve([])
      }
      this.#waiting.add(waiting)
    })
    this.#want()
    this.#schedule()
    return { entries, end }
  }

  /** At the end of what runs now: partitions that were answered together read on together. */
  #schedule(): void {
    if (this.#isDue || this.#isReading || this.#calls > 0 || this.#waiting.size === 0) return
    this.#isDue = true
    process.nextTick(() => {
      this.#isDue = false
      if (!this.#isReading && this.#calls === 0 && this.#waiting.size > 0) void this.#readNext([...this.#waiting])
    })
  }

  async #readNext(reads: readonly WaitingRead[]): Promise<void> {
    this.#isReading = true
    this.#isWanted = false
    this.#sent++
    try {
      await this.#answer(reads)
    } catch (error) {
      const isOfOne = reads.length > 1 && error instanceof Error && isRefusal(error)
      if (isOfOne) await this.#readApart(reads)
      else for (const read of reads) this.#fail(read, error)
    } finally {
      this.#isReading = false
      this.#schedule()
    }
  }

  async #answer(reads: readonly WaitingRead[]): Promise<void> {
    const leftMs = Math.min(...reads.map(({ until }) => until)) - performance.now()
    const blockMs = Math.max(0, Math.ceil(leftMs))
    const share = reads.length === 1 ? Number.POSITIVE_INFINITY : Math.ceil(SHARED_ENTRIES / reads.length)
    const count = Math.min(...reads.map((read) => read.count), Math.max(MIN_ENTRIES, share))
    this.#isBlocked = blockMs > 0
    try {
      const answers = await this.#guarded(() => readTogether(this.#redis, reads, { count, blockMs }))
      const now = performance.now()
      for (const [i, read] of reads.entries()) {
        if (answers[i]!.length === 0 && now < read.until) continue
        if (this.#waiting.delete(read)) read.resolve(answers[i]!)
      }
    } finally {
      this.#isBlocked = false
    }
  }

  /** Redis refuses the whole of a read for one key: each by itself shows whose it is. */
  async #readApart(reads: readonly WaitingRead[]): Promise<void> {
    for (const read of reads) {
      try {
        const [entries] = await this.#guarded(() =>
          readTogether(this.#redis, [read], { count: read.count, blockMs: 0 }),
        )
        if (this.#waiting.delete(read)) read.resolve(entries!)
      } catch (error) {
        this.#fail(read, error)
      }
    }
  }

  #fail(read: WaitingRead, error: unknown): void {
    if (this.#waiting.delete(read)) read.reject(error)
  }

  #want(): void {
    if (!this.#isBlocked) return
    this.#isWanted = true
    if (!this.#isWaking) void this.#wake()
  }

  /** Ends reads under way for as long as they lack something. Best effort: each ends by itself soon. */
  async #wake(): Promise<void> {
    this.#isWaking = true
    try {
      while (this.#isBlocked && this.#isWanted && this.#client !== undefined) {
        const { node, id } = this.#client
        const sent = this.#sent
        // Another connection: nothing can be sent behind a blocked read.
        const isEnded = (await node.line('tail').redis.client('UNBLOCK', id)) === 1
        if (isEnded && sent === this.#sent) return
        if (!isEnded) await sleep(WAKE_RETRY_MS)
      }
    } catch {
      // It could not be reached.
    } finally {
      this.#isWaking = false
    }
  }

  async #guarded<T>(call: () => Promise<T>): Promise<T> {
    const reconnecting = async () => {
      try {
        return await orWhyNot(this.#redis, call())
      } catch (error) {
        if (!(error instanceof Error && isRefusal(error)) || isElsewhere(error)) this.#reconnect()
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
    this.#number++
    if (this.#redis.status === 'ready') this.#redis.disconnect(true)
  }
}
