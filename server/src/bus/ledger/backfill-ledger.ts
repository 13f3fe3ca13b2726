import { keys } from '../keys.ts'
import { type LogVersion, type Refusal, refusalOf } from '../log/log-version.ts'
import type { Channel } from '../nodes/channel.ts'
import { loadScript, type Script } from '../redis/script.ts'
import { Ledger } from './ledger.ts'
import { ownedKey } from './ledger-place.ts'

const OPEN_SCRIPT: Script = loadScript('backfill-open', { include: ['lineage', 'owner'] })
const CLOSE_SCRIPT: Script = loadScript('backfill-close', { allowOom: true, include: ['lineage', 'owner'] })

export type BackfillStatus = 'open' | 'done' | 'failed'

/** The last backfill of a window in a partition, as stored. */
export interface BackfillRecord {
  /** The version of the window's definition that it computes. */
  readonly version: string
  readonly status: BackfillStatus
  /** Why it failed. */
  readonly reason: string
  /** The plan, JSON. */
  readonly run: string
  /** The ranges that backfills of this version have filled, JSON; empty for none. */
  readonly filled: string
  readonly commitSeq: number
  readonly offsets: string
  readonly clocks: string
  /** When a worker last made progress, Redis ms. */
  readonly heartbeat: number
}

/** The record that `open` writes. */
export interface NewBackfill {
  /** The log for which it was planned. */
  readonly log: LogVersion
  readonly version: string
  readonly run: string
  readonly offsets: string
  /** Hashes that an earlier backfill may have left. */
  readonly leftovers: readonly string[]
}

/** How a backfill ended, and the hashes of its state. */
export interface BackfillEnding {
  readonly status: BackfillStatus
  readonly reason: string
  readonly filled: string
  readonly state: readonly string[]
}

/** The ledger of the backfill of one window in one partition. */
export class BackfillLedger extends Ledger {
  readonly window: string
  /** Of the list of backfills. */
  readonly #listed: Channel

  constructor(partition: number, window: string, channel: Channel, listed: Channel, generation?: () => number) {
    super({ partition, window }, channel, generation)
    this.window = window
    this.#listed = listed
  }

  async record(): Promise<BackfillRecord | undefined> {
    const fields = await this.channel.run((redis) => redis.hgetall(keys.backfill(this.partition, this.window)))
    const { version, status, reason = '', run = '', filled = '', offsets = '', clocks = '' } = fields
    if (version === undefined || status === undefined) return undefined
    const [commitSeq, heartbeat] = [Number(fields.commitSeq ?? 0), Number(fields.heartbeat)]
    return { version, status: status as BackfillStatus, reason, run, filled, commitSeq, offsets, clocks, heartbeat }
  }

  /** Opens a backfill, unless one of the same version is under way or the log has changed. */
  async open({ log, version, run, offsets, leftovers }: NewBackfill): Promise<'opened' | 'under_way' | 'lineage'> {
    // Listed first: an opened backfill is then always found. The other way round, a crash in between would hide it.
    await this.#listed.run((redis) => redis.sadd(keys.backfills, this.#name))
    const args = [log.epoch, log.lineage, version, run, offsets]
    const reply = (await this.channel.script(OPEN_SCRIPT, this.#keys(leftovers), args)) as string[]
    if (refusalOf(reply) !== undefined) return 'lineage'
    return reply[0] === 'OK' ? 'opened' : 'under_way'
  }

  /** Ends a backfill and removes its state. @returns the refusal, if any */
  async close(log: LogVersion, token: string, end: BackfillEnding): Promise<Refusal | undefined> {
    const args = [log.epoch, log.lineage, token, end.status, end.reason, end.filled]
    const refusal = refusalOf(await this.channel.script(CLOSE_SCRIPT, this.#keys(end.state), args))
    if (refusal === undefined) await this.unlist()
    return refusal
  }

  /** Removes it from the list of backfills that may be under way. */
  async unlist(): Promise<void> {
    await this.#listed.run((redis) => redis.srem(keys.backfills, this.#name))
  }

  get #name(): string {
    return `${this.partition} ${this.window}`
  }

  #keys(state: readonly string[]): string[] {
    const hashes = state.map((name) => ownedKey(this.place, name))
    return [keys.meta(this.partition), keys.backfill(this.partition, this.window), ...hashes]
  }
}

/** Backfills that may be under way. @throws BusUnavailable */
export async function listBackfills(channel: Channel): Promise<{ partition: number; window: string }[]> {
  const names = await channel.run((redis) => redis.smembers(keys.backfills))
  return names.map((name) => {
    const space = name.indexOf(' ')
    return { partition: Number(name.slice(0, space)), window: name.slice(space + 1) }
  })
}
