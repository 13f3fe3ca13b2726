import type { Channel } from './channel.ts'
import { keys } from './keys.ts'
import { Ledger } from './ledger.ts'
import { ownedKey } from './ledger-place.ts'
import { type LogVersion, type Refusal, refusalOf } from './log-version.ts'
import { loadScript, type Script } from './script.ts'

const OPEN_SCRIPT: Script = loadScript('backfill-open', { include: ['lineage', 'owner'] })
const CLOSE_SCRIPT: Script = loadScript('backfill-close', { allowOom: true, include: ['lineage', 'owner'] })

export type BackfillStatus = 'open' | 'done' | 'failed'

/** The last backfill of a window in a partition, as stored. */
export interface BackfillRecord {
  /** Definition of the window that it is for. */
  readonly version: string
  readonly status: BackfillStatus
  /** Why it failed. */
  readonly reason: string
  /** What is to be done, JSON. */
  readonly run: string
  /** What backfills of this version have put out by now, JSON; empty when nothing. */
  readonly filled: string
  readonly commitSeq: number
  readonly offsets: string
  readonly clocks: string
  /** When somebody last worked on it, Redis ms. */
  readonly heartbeat: number
}

/** What `open` notes. */
export interface NewBackfill {
  /** Of which log it was planned. */
  readonly log: LogVersion
  readonly version: string
  readonly run: string
  readonly offsets: string
  /** Hashes that an earlier one may have left. */
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

  constructor(partition: number, window: string, channel: Channel) {
    super({ partition, window }, channel)
    this.window = window
  }

  async record(): Promise<BackfillRecord | undefined> {
    const fields = await this.channel.run((redis) => redis.hgetall(keys.backfill(this.partition, this.window)))
    const { version, status, reason = '', run = '', filled = '', offsets = '', clocks = '' } = fields
    if (version === undefined || status === undefined) return undefined
    const [commitSeq, heartbeat] = [Number(fields.commitSeq ?? 0), Number(fields.heartbeat)]
    return { version, status: status as BackfillStatus, reason, run, filled, commitSeq, offsets, clocks, heartbeat }
  }

  /** Notes a backfill that is to run, unless one of the same version is under way or the log is another one. */
  async open({ log, version, run, offsets, leftovers }: NewBackfill): Promise<'opened' | 'under_way' | 'lineage'> {
    // First, so that one that is noted there is always found; the other way round it might be noted nowhere.
    await this.channel.run((redis) => redis.sadd(keys.backfills, this.#name))
    const args = [log.epoch, log.lineage, version, run, offsets]
    const reply = (await this.channel.script(OPEN_SCRIPT, this.#keys(leftovers), args)) as string[]
    if (refusalOf(reply) !== undefined) return 'lineage'
    return reply[0] === 'OK' ? 'opened' : 'under_way'
  }

  /** Ends a backfill and removes its state. @returns why that was refused, if so */
  async close(log: LogVersion, token: string, end: BackfillEnding): Promise<Refusal | undefined> {
    const args = [log.epoch, log.lineage, token, end.status, end.reason, end.filled]
    const refusal = refusalOf(await this.channel.script(CLOSE_SCRIPT, this.#keys(end.state), args))
    if (refusal === undefined) await this.unlist()
    return refusal
  }

  /** No longer lists it among those that may be under way. */
  async unlist(): Promise<void> {
    await this.channel.run((redis) => redis.srem(keys.backfills, this.#name))
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
