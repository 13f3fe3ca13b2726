import type { AppendOptions } from '../calls/append-part.ts'
import type { AppendRequest } from '../calls/append-request.ts'
import { isFresh } from '../heartbeat.ts'
import { CANARY_TOPIC, keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { confirmedBy, replicated } from '../redis/replicas.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'
import { type AppendReply, append } from './append.ts'
import {
  type KnownEntry,
  type Lineage,
  missingEntries,
  type OpenLineage,
  openPartition,
  settleLineage,
} from './lineage.ts'
import { decodeEntry, LOG_START, type LogEntry, type RawEntry, readLogs } from './log-entry.ts'
import { type Backlog, type LogExtent, readBacklog, readExtents } from './log-extent.ts'
import { type LogHeads, readLogHeads } from './log-heads.ts'
import { type LogSize, readLogSizes } from './log-sizes.ts'
import { type LogVersion, type Refusal, refusalOf } from './log-version.ts'

const CANARY_SCRIPT: Script = loadScript('canary', { include: ['lineage'] })
const REPLACE_SCRIPT: Script = loadScript('replace-entry', { allowOom: true, include: ['lineage'] })
const STANDING_SCRIPT: Script = loadScript('standing', { isReading: true, include: ['owner', 'last-id'] })

/** Maximum age of a partition's newest canary while somebody sends them, ms. */
export const CANARY_EVERY_MS = 500

export type CanaryReply =
  | { readonly status: 'ok'; readonly epoch: string; readonly lineage: string }
  | ({ readonly status: 'lineage' } & Lineage)

type RawCanaryReply =
  | ['OK', epoch: string, lineage: string]
  | ['LINEAGE', stored: string, current: string, epoch: string]

export interface LogPage {
  readonly entries: readonly LogEntry[]
  /** Trim mark of the topic, read after the entries: anything at or below it may be missing from them. */
  readonly trimmedTo: string
  /** Epoch of the log at the same moment; `undefined` while the partition does not exist. */
  readonly epoch: string | undefined
}

/** The progress of a partition's owner and the ends of its logs, at one moment. */
export interface Standing {
  /** There is an owner with a fresh heartbeat. */
  readonly isOwned: boolean
  /** Committed offsets as text. */
  readonly offsets: string
  /** Topic -> stream id of the newest entry ever added, `0-0` when there is none. */
  readonly lastIds: ReadonlyMap<string, string>
}

/**
 * The logs of one partition: everything that needs no ownership. Every call rejects with BusUnavailable when Redis does
 * not answer.
 */
export class Log {
  readonly partition: number
  readonly #channel: Channel

  constructor(partition: number, channel: Channel) {
    this.partition = partition
    this.#channel = channel
  }

  /**
   * Stores one append. The caller MUST have at most one call per partition under way on a channel.
   *
   * @throws BusUnavailable, BusFull; BusMismatch when a log key holds something else than a stream.
   */
  append(request: AppendRequest, options: AppendOptions = {}): Promise<AppendReply> {
    return append(this.#channel, this.partition, request, options)
  }

  /** Resolves once so many replicas have everything that is stored now. @throws BusUnavailable if too few do in time */
  replicated(replicas: number): Promise<void> {
    return this.#channel.run((redis) => replicated(redis, this.partition, replicas))
  }

  /**
   * Adds an entry to the canary log, by the path of an append, unless there is a recent one. Tails that see no canary
   * for long know that nothing comes through.
   *
   * @param proved lineage that this process has proved, '' before the first proof
   * @param replicas that must have it, as of an append
   * @throws BusUnavailable, BusFull
   */
  async canary(proved: string, replicas = 0): Promise<CanaryReply> {
    const scriptKeys = [keys.meta(this.partition), keys.log(this.partition, CANARY_TOPIC)]
    // A little less, since timers may be early.
    const args = [proved, CANARY_EVERY_MS * 0.9]
    const reply = await this.#channel.run(async (redis) => {
      const answer = (await runScript(redis, CANARY_SCRIPT, scriptKeys, args)) as RawCanaryReply
      if (answer[0] === 'OK') await confirmedBy(redis, replicas)
      return answer
    })
    if (reply[0] === 'OK') return { status: 'ok', epoch: reply[1], lineage: reply[2] }
    return { status: 'lineage', stored: reply[1], current: reply[2], epoch: reply[3] }
  }

  /** The partition's last written and present identity of Redis, and its epoch. Creates the partition on first use. */
  lineage(): Promise<OpenLineage> {
    return this.#channel.run((redis) => openPartition(redis, this.partition))
  }

  /**
   * Accepts the data now in Redis: as the same log if every known entry is there and it has not gone back, as another one
   * if not.
   *
   * @returns the epoch under which the log continues, or `undefined` if it has to be read again
   */
  settle(seen: Lineage, known: readonly KnownEntry[], hasGoneBack = false): Promise<string | undefined> {
    return this.#channel.run((redis) => settleLineage(redis, this.partition, seen, known, hasGoneBack))
  }

  /** The entries that are gone for another reason than trimming. */
  missing(known: readonly KnownEntry[]): Promise<readonly KnownEntry[]> {
    return this.#channel.run((redis) => missingEntries(redis, this.partition, known))
  }

  /** The log version that a write has to name. MUST be read before anything the write is computed from. */
  async version(): Promise<LogVersion> {
    const [epoch, lineage] = await this.#channel.run((redis) =>
      redis.hmget(keys.meta(this.partition), 'epoch', 'lineage'),
    )
    return { epoch: epoch ?? '', lineage: lineage ?? '' }
  }

  /** What there is of several topics at one moment. */
  sizes(topics: readonly string[]): Promise<ReadonlyMap<string, LogSize>> {
    return this.#channel.run((redis) => readLogSizes(redis, this.partition, topics))
  }

  /** The heads of several topics at one moment. */
  heads(topics: readonly string[]): Promise<LogHeads> {
    return this.#channel.run((redis) => readLogHeads(redis, this.partition, topics))
  }

  /**
   * Up to `count` entries of one topic in `[from, to]` (stream ids; `(id` excludes it, `-` and `+` are the ends),
   * oldest first.
   */
  async range(topic: string, from: string, to: string, count: number): Promise<LogEntry[]> {
    const log = keys.log(this.partition, topic)
    const reply = await this.#channel.read((redis) => redis.callBuffer('XRANGE', log, from, to, 'COUNT', count))
    return (reply as RawEntry[]).map((raw) => decodeEntry(topic, raw))
  }

  /** Up to `count` entries of one topic from `from` (as in `range`) on, oldest first. */
  async page(topic: string, from: string, count: number): Promise<LogPage> {
    const [log, meta] = [keys.log(this.partition, topic), keys.meta(this.partition)]
    // Sent together and answered in this order: the second sees a trim between the two, so a hole is never taken for
    // the end.
    const [entries, [mark, epoch]] = await this.#channel.read((redis) =>
      Promise.all([
        redis.callBuffer('XRANGE', log, from, '+', 'COUNT', count) as Promise<RawEntry[]>,
        redis.hmget(meta, `trim:${topic}`, 'epoch') as Promise<[string | null, string | null]>,
      ]),
    )
    const decoded = entries.map((raw) => decodeEntry(topic, raw))
    return { entries: decoded, trimmedTo: mark ?? LOG_START, epoch: epoch ?? undefined }
  }

  /** Up to `count` entries of each topic after its cursor (stream id, exclusive), without blocking. */
  after(cursors: ReadonlyMap<string, string>, count: number): Promise<LogEntry[]> {
    return this.#channel.read((redis) => readLogs(redis, this.partition, cursors, { count, blockMs: 0 }))
  }

  async standing(topics: readonly string[]): Promise<Standing> {
    const scriptKeys = [keys.meta(this.partition), ...topics.map((topic) => keys.log(this.partition, topic))]
    const reply = await this.#channel.script(STANDING_SCRIPT, scriptKeys, [])
    const [age, released, offsets, last] = reply as [number | '', string, string, string[]]
    return {
      isOwned: age !== '' && isFresh(age) && released !== '1',
      offsets,
      lastIds: new Map(topics.map((topic, i) => [topic, last[i]!])),
    }
  }

  /** What of a topic's log lies behind an entry. */
  backlog(topic: string, after: string): Promise<Backlog> {
    return readBacklog(this.#channel, this.partition, topic, after)
  }

  /** How large the logs of several topics are. */
  extents(topics: readonly string[]): Promise<ReadonlyMap<string, LogExtent>> {
    return readExtents(this.#channel, this.partition, topics)
  }

  /**
   * Replaces an entry that no reader needs any more by others, or by none.
   *
   * @returns their stream ids, `gone` where somebody else has replaced it, or the refusal
   */
  async replace(
    log: LogVersion,
    topic: string,
    streamId: string,
    others: readonly { readonly header: string; readonly payload: Buffer }[],
  ): Promise<readonly string[] | 'gone' | Refusal> {
    const scriptKeys = [keys.meta(this.partition), keys.log(this.partition, topic)]
    const batches = others.flatMap(({ header, payload }) => [header, payload])
    const args = [log.epoch, log.lineage, streamId, ...batches]
    const reply = await this.#channel.script(REPLACE_SCRIPT, scriptKeys, args)
    const [status, ids] = reply as [string, string[]]
    return refusalOf(reply) ?? (status === 'GONE' ? 'gone' : ids)
  }
}
