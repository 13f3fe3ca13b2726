import { setTimeout as sleep } from 'node:timers/promises'
import { compareStreamIds } from '@tidegate/protocol'
import {
  BLOCK_MS,
  BusUnavailable,
  CANARY_TOPIC,
  type KnownEntry,
  type LogEntry,
  type LogHeads,
  type LogTail,
  type Mark,
} from '../../bus/index.ts'
import type { WallClock } from '../../clock.ts'
import type { Entry } from '../wire/index.ts'
import { entryInDoubt } from './entry-in-doubt.ts'
import type { Examine } from './examine.ts'
import { type OnCorrupt, readEntry } from './read-entry.ts'
import { TopicTail } from './topic-tail.ts'
import { UnreadAge } from './unread-age.ts'

/** Entries per topic and read: bounds the work of one turn of the event loop. */
const READ_ENTRIES = 32
/** Pause after a failed read for which no breaker gives a wait. */
const UNTIMED_RETRY_MS = 100
/**
 * After this long without a canary the heads are read again: new entries may lie before the cursors. After this long
 * without any answer, the next entries are a backlog.
 */
const SILENT_MS = 2_000
/** How long after an outage entries may belong to the backlog: clients find the gateway again within some seconds. */
const CATCH_UP_MS = 10_000

export interface TailState {
  readonly partition: number
  /** Whether the last read of entries or heads succeeded. */
  readonly live: boolean
  /** Since when, ms since 1970. */
  readonly since: number
  /** Age of the newest canary read, or of the tail, ms. */
  readonly canaryAgeMs: number
}

/** The log has lost the entry that the tail read last. */
export interface Loss {
  /** Epoch of what was lost. */
  readonly had: string
  /** The tail continues behind it. */
  readonly upTo: Mark
  /** Whether the log ends there, and nothing in it shows the loss: it is still under the epoch of what was lost. */
  readonly isUnmarked: boolean
}

export interface TailEvents {
  /** Called in log order, for every entry of a tailed topic. */
  onEntry(entry: Entry): void
  /** Entries up to `trimmedTo` were trimmed before the tail read them. */
  onTrimmed(topic: string, partition: number, tail: TopicTail): void
  /** Followed by `onTrimmed`. */
  readonly onCorrupt: OnCorrupt
  /** Called before anything behind `upTo` is read. */
  onLost(topic: string, partition: number, loss: Loss): void
}

/** Reads one partition's logs of the subscribed topics, and its canaries, in one blocking read at a time. */
export class PartitionTail {
  readonly partition: number
  readonly #reader: LogTail
  readonly #clock: WallClock
  readonly #events: TailEvents
  readonly #topics = new Map<string, TopicTail>()
  readonly #examine: Examine
  readonly #unread: UnreadAge
  #canaryCursor = '0-0'
  #canaryAt = performance.now()
  /** False while the logs may be others than those read so far; set again by reading the heads. */
  #isSure = false
  #lookedAt = Number.NEGATIVE_INFINITY
  /** Epoch of the logs when their heads were last read. */
  #epoch: string | undefined
  #live: Pick<TailState, 'live' | 'since'>
  #answeredAt: number | undefined
  /** When reads succeeded again after an outage. */
  #backAt = Number.NEGATIVE_INFINITY
  #closing = new AbortController()
  #loop: Promise<void> | undefined

  /** @param retentionMs the shortest of the topics */
  constructor(reader: LogTail, retentionMs: number, examine: Examine, clock: WallClock, events: TailEvents) {
    this.partition = reader.partition
    this.#reader = reader
    this.#unread = new UnreadAge(retentionMs)
    this.#examine = examine
    this.#clock = clock
    this.#events = events
    this.#live = { live: false, since: clock.now() }
  }

  get state(): TailState {
    const canaryAgeMs = Math.round(performance.now() - this.#canaryAt)
    return { partition: this.partition, ...this.#live, canaryAgeMs }
  }

  /** Whether entries read now may belong to the backlog of an outage. */
  get isCatchingUp(): boolean {
    return performance.now() - this.#backAt < CATCH_UP_MS
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

  /** Whether everything the tails have read is known to be in the logs. */
  get isSure(): boolean {
    return this.#isSure && this.#reader.synced
  }

  /** Tails one more topic from a concrete id: later entries cannot be missed, whenever the read is issued. */
  add(topic: string, cursor: string, epoch: string): void {
    this.#topics.set(topic, new TopicTail(cursor, epoch))
    this.#reader.wake()
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
        if (!this.isSure || this.#isSilent()) await this.#look()
        await this.#read()
      } catch (error) {
        if (this.#closing.signal.aborted) return
        this.#isSure = false
        this.#setLive(false)
        const retryMs = error instanceof BusUnavailable ? error.retryAfterMs : UNTIMED_RETRY_MS
        await sleep(retryMs, undefined, { signal: this.#closing.signal }).catch(() => {})
      }
    }
  }

  async #read(): Promise<void> {
    const read = new Map(this.#topics)
    const cursors = new Map([...read].map(([topic, tail]) => [topic, tail.cursor]))
    cursors.set(CANARY_TOPIC, this.#canaryCursor)
    const answer = await this.#reader.read(cursors, { count: READ_ENTRIES, blockMs: BLOCK_MS })
    this.#answered()
    if (this.#unread.answered(answer)) await this.#look()
    for (const raw of answer) {
      if (raw.topic === CANARY_TOPIC) {
        this.#canaryCursor = raw.streamId
        this.#canaryAt = performance.now()
        if (raw.epoch !== this.#epoch) this.#isSure = false
        continue
      }
      const tail = this.#topics.get(raw.topic)
      // Dropped, or dropped and added again with another cursor, while the read was waiting.
      if (tail === undefined || tail !== read.get(raw.topic)) continue
      if (this.#isOfNewEpoch(raw, tail)) await this.#look()
      // The tail went back: this entry will be read again.
      if (tail.cursor !== cursors.get(raw.topic)) continue
      cursors.set(raw.topic, raw.streamId)
      const entry = readEntry(this.partition, raw, this.#events.onCorrupt)
      if (entry === undefined) this.#passOver(raw, tail)
      else {
        tail.push(entry)
        this.#events.onEntry(entry)
      }
    }
  }

  /** One that cannot be read would be read again and again. */
  #passOver({ topic, streamId, epoch }: LogEntry, tail: TopicTail): void {
    tail.jump(streamId, epoch)
    this.#events.onTrimmed(topic, this.partition, tail)
  }

  /** Whether an entry's epoch is new to the tail: then other entries of it may lie before the cursor. */
  #isOfNewEpoch({ epoch }: LogEntry, tail: TopicTail): boolean {
    return epoch !== tail.mark.epoch && epoch !== this.#epoch
  }

  #isSilent(): boolean {
    const now = performance.now()
    return now - this.#canaryAt >= SILENT_MS && now - this.#lookedAt >= SILENT_MS
  }

  /**
   * Reads the heads of the logs, after every connect and on every new epoch. Redis may have lost the entry read last:
   * then entries of the new epoch may lie before the cursor, and a read behind it would miss them.
   */
  async #look(): Promise<void> {
    const topics = new Map(this.#topics)
    const readHeads = () => this.#reader.sync([...topics.keys(), CANARY_TOPIC])
    let heads = await readHeads()
    const inDoubt = [...topics].flatMap(([topic, { mark }]) => entryInDoubt(mark, topic, heads))
    const lost = new Set<string>()
    if (inDoubt.length > 0) {
      for (const { topic } of await this.#examine(this.partition, inDoubt)) lost.add(topic)
      heads = await readHeads()
    }
    for (const [topic, { cursor }] of topics) {
      if (compareStreamIds(heads.topics.get(topic)!.lastId, cursor) < 0) lost.add(topic)
    }
    const starts = await this.#epochStarts(lost)
    this.#canaryCursor = heads.topics.get(CANARY_TOPIC)!.lastId
    for (const [topic, tail] of topics) {
      // Dropped, or added again, meanwhile.
      if (this.#topics.get(topic) !== tail) continue
      if (lost.has(topic)) this.#goBack(topic, tail, heads, starts.get(topic)!)
      else this.#follow(topic, tail, heads)
    }
    this.#epoch = heads.epoch
    this.#isSure = true
    this.#lookedAt = performance.now()
  }

  async #epochStarts(topics: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
    return topics.size === 0 ? new Map() : await this.#reader.epochStarts([...topics])
  }

  /** The entry read last is gone. */
  #goBack(topic: string, tail: TopicTail, heads: LogHeads, epochStart: string): void {
    const had = tail.mark.epoch
    const epoch = heads.epoch ?? had
    const { lastId } = heads.topics.get(topic)!
    // Within the old epoch, nobody can tell what is new.
    const end = epoch === had ? lastId : epochStart
    const isBefore = compareStreamIds(end, tail.cursor) < 0
    tail.jump(isBefore ? end : tail.cursor, isBefore ? epoch : had)
    this.#events.onLost(topic, this.partition, { had, upTo: tail.mark, isUnmarked: isBefore && epoch === had })
  }

  /** The entry read last is there, or was trimmed. */
  #follow(topic: string, tail: TopicTail, heads: LogHeads): void {
    const { lastId, trimmedTo } = heads.topics.get(topic)!
    const epoch = heads.epoch ?? tail.mark.epoch
    if (lastId === tail.cursor && epoch !== tail.mark.epoch) {
      tail.jump(lastId, epoch)
    } else if (compareStreamIds(tail.cursor, trimmedTo) < 0) {
      // Behind the trim mark more entries of the tail's own epoch may follow.
      tail.jump(trimmedTo, lastId === trimmedTo ? epoch : tail.mark.epoch)
      this.#events.onTrimmed(topic, this.partition, tail)
    }
  }

  #answered(): void {
    const now = performance.now()
    const wasAway = this.#answeredAt !== undefined && (!this.#live.live || now - this.#answeredAt > SILENT_MS)
    if (wasAway) this.#backAt = now
    this.#answeredAt = now
    this.#setLive(true)
  }

  #setLive(live: boolean): void {
    if (live !== this.#live.live) this.#live = { live, since: this.#clock.now() }
  }
}
