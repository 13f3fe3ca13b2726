import { setTimeout as sleep } from 'node:timers/promises'
import { compareStreamIds } from '@tidegate/protocol'
import {
  BLOCK_MS,
  type BlockingReader,
  BusUnavailable,
  CANARY_TOPIC,
  type Guard,
  type KnownEntry,
} from '../bus/index.ts'
import type { WallClock } from '../clock.ts'
import { Entry } from './entry.ts'
import { TopicTail } from './topic-tail.ts'

/** Entries per topic of one read: bounds what one turn of the event loop has to offer. */
const READ_ENTRIES = 32
/** Pause after a failed read that the breaker does not time. */
const RETRY_MS = 100

export interface TailState {
  readonly partition: number
  /** Whether the last read, or look at Redis, succeeded. */
  readonly live: boolean
  /** Since when, ms since 1970. */
  readonly since: number
  /** How long ago a canary was read last, or the tail was made, ms. */
  readonly canaryAgeMs: number
}

export interface TailEvents {
  /** Called in log order, for every entry of a tailed topic. */
  onEntry(entry: Entry): void
  /** Entries up to `trimmedTo` were trimmed before the tail had read them. */
  onTrimmed(topic: string, partition: number, tail: TopicTail): void
}

/** Reads one partition's logs of the topics somebody here subscribes to, and its canaries, in one blocking read at a time. */
export class PartitionTail {
  readonly partition: number
  readonly #reader: BlockingReader
  readonly #guard: Guard
  readonly #clock: WallClock
  readonly #events: TailEvents
  readonly #topics = new Map<string, TopicTail>()
  #canaryCursor = '0-0'
  #canaryAt = performance.now()
  #live: Pick<TailState, 'live' | 'since'>
  #closing = new AbortController()
  #loop: Promise<void> | undefined

  constructor(partition: number, reader: BlockingReader, guard: Guard, clock: WallClock, events: TailEvents) {
    this.partition = partition
    this.#reader = reader
    this.#guard = guard
    this.#clock = clock
    this.#events = events
    this.#live = { live: false, since: clock.now() }
  }

  get state(): TailState {
    const canaryAgeMs = Math.round(performance.now() - this.#canaryAt)
    return { partition: this.partition, ...this.#live, canaryAgeMs }
  }

  /** @throws when Redis is not reachable within the deadline */
  async start(deadlineMs: number): Promise<void> {
    await this.#reader.untilReady(deadlineMs)
    this.#loop ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#reader.close()
    await this.#loop
  }

  get(topic: string): TopicTail | undefined {
    return this.#topics.get(topic)
  }

  /** Tails one more topic from a concrete id on: what is appended after it cannot be missed, whenever the read is issued. */
  add(topic: string, cursor: string, epoch: string): void {
    this.#topics.set(topic, new TopicTail(cursor, epoch))
    void this.#reader.wake()
  }

  drop(topic: string): void {
    this.#topics.delete(topic)
  }

  /** The newest entry read of each topic. */
  newestSeen(): KnownEntry[] {
    return [...this.#topics].flatMap(([topic, { newestSeen }]) =>
      newestSeen === undefined ? [] : [{ topic, ...newestSeen }],
    )
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        if (!this.#reader.synced) await this.#sync()
        await this.#read()
        this.#setLive(true)
      } catch (error) {
        if (this.#closing.signal.aborted) return
        this.#setLive(false)
        const retryMs = error instanceof BusUnavailable ? error.retryAfterMs : RETRY_MS
        await sleep(retryMs, undefined, { signal: this.#closing.signal }).catch(() => {})
      }
    }
  }

  async #read(): Promise<void> {
    const read = new Map(this.#topics)
    const cursors = new Map([...read].map(([topic, tail]) => [topic, tail.cursor]))
    cursors.set(CANARY_TOPIC, this.#canaryCursor)
    const reading = () => this.#reader.read(cursors, { count: READ_ENTRIES, blockMs: BLOCK_MS })
    for (const raw of await this.#guard.run(reading, this.#reader)) {
      if (raw.topic === CANARY_TOPIC) {
        this.#canaryCursor = raw.streamId
        this.#canaryAt = performance.now()
        continue
      }
      const tail = this.#topics.get(raw.topic)
      // Dropped, or dropped and added again with another cursor, while the read was waiting.
      if (tail === undefined || tail !== read.get(raw.topic)) continue
      const entry = new Entry(this.partition, raw)
      tail.push(entry)
      this.#events.onEntry(entry)
    }
  }

  /** After every connect: Redis may have come back with a shorter log, where waiting behind the cursor would wait for nothing. */
  async #sync(): Promise<void> {
    const heads = await this.#guard.run(() => this.#reader.sync([...this.#topics.keys(), CANARY_TOPIC]))
    for (const [topic, head] of heads.topics) {
      if (topic === CANARY_TOPIC) this.#canaryCursor = head.lastId
      const tail = this.#topics.get(topic)
      if (tail === undefined) continue
      const epoch = heads.epoch ?? tail.mark.epoch
      const order = compareStreamIds(head.lastId, tail.cursor)
      if (order < 0 || (order === 0 && epoch !== tail.mark.epoch)) {
        tail.jump(head.lastId, epoch)
      } else if (compareStreamIds(tail.cursor, head.trimmedTo) < 0) {
        tail.jump(head.trimmedTo, epoch)
        this.#events.onTrimmed(topic, this.partition, tail)
      }
    }
  }

  #setLive(live: boolean): void {
    if (live !== this.#live.live) this.#live = { live, since: this.#clock.now() }
  }
}
