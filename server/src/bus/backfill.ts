import type { Redis } from './connection.ts'
import type { Guard } from './guard.ts'
import { keys } from './keys.ts'
import { type LogVersion, type Refusal, refusalOf } from './log-version.ts'
import { loadScript, runScript, type Script } from './script.ts'

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

export async function readBackfill(
  redis: Redis,
  guard: Guard,
  partition: number,
  window: string,
): Promise<BackfillRecord | undefined> {
  const fields = await guard.run(() => redis.hgetall(keys.backfill(partition, window)))
  const { version, status, reason = '', run = '', filled = '', offsets = '', clocks = '' } = fields
  if (version === undefined || status === undefined) return undefined
  const [commitSeq, heartbeat] = [Number(fields.commitSeq ?? 0), Number(fields.heartbeat)]
  return { version, status: status as BackfillStatus, reason, run, filled, commitSeq, offsets, clocks, heartbeat }
}

/** What `openBackfill` notes. */
export interface NewBackfill {
  /** Of which log it was planned. */
  readonly log: LogVersion
  readonly version: string
  readonly run: string
  readonly offsets: string
  /** Hashes that an earlier one may have left. */
  readonly leftovers: readonly string[]
}

/** Notes a backfill that is to run, unless one of the same version is under way or the log is another one. @throws BusUnavailable */
export async function openBackfill(
  redis: Redis,
  guard: Guard,
  partition: number,
  window: string,
  { log, version, run, offsets, leftovers }: NewBackfill,
): Promise<'opened' | 'under_way' | 'lineage'> {
  const scriptKeys = [keys.meta(partition), keys.backfill(partition, window), ...leftovers]
  // First, so that one that is noted there is always found; the other way round it might be noted nowhere.
  await guard.run(() => redis.sadd(keys.backfills, backfillName(partition, window)))
  const args = [log.epoch, log.lineage, version, run, offsets]
  const reply = (await guard.run(() => runScript(redis, OPEN_SCRIPT, scriptKeys, args))) as string[]
  if (refusalOf(reply) !== undefined) return 'lineage'
  return reply[0] === 'OK' ? 'opened' : 'under_way'
}

/** Ends a backfill and removes its state. @returns why that was refused, if so @throws BusUnavailable */
export async function closeBackfill(
  redis: Redis,
  guard: Guard,
  partition: number,
  window: string,
  log: LogVersion,
  token: string,
  end: { status: BackfillStatus; reason: string; filled: string; state: readonly string[] },
): Promise<Refusal | undefined> {
  const scriptKeys = [keys.meta(partition), keys.backfill(partition, window), ...end.state]
  const args = [log.epoch, log.lineage, token, end.status, end.reason, end.filled]
  return refusalOf(await guard.run(() => runScript(redis, CLOSE_SCRIPT, scriptKeys, args)))
}

/** Backfills that may be under way. @throws BusUnavailable */
export async function listBackfills(redis: Redis, guard: Guard): Promise<{ partition: number; window: string }[]> {
  const names = await guard.run(() => redis.smembers(keys.backfills))
  return names.map((name) => {
    const space = name.indexOf(' ')
    return { partition: Number(name.slice(0, space)), window: name.slice(space + 1) }
  })
}

/** No longer lists a backfill. @throws BusUnavailable */
export async function unlistBackfill(redis: Redis, guard: Guard, partition: number, window: string): Promise<void> {
  await guard.run(() => redis.srem(keys.backfills, backfillName(partition, window)))
}

function backfillName(partition: number, window: string): string {
  return `${partition} ${window}`
}
