import { randomBytes } from 'node:crypto'
import { ledgerOf } from './commit.ts'
import type { Redis } from './connection.ts'
import type { Guard } from './guard.ts'
import { keys } from './keys.ts'
import { type LogVersion, type Refusal, refusalOf } from './log-version.ts'
import { loadScript, runScript, type Script } from './script.ts'

/** An owner whose heartbeat is younger than this is alive and cannot be replaced. */
export const HEARTBEAT_FRESH_MS = 1_500
/** Heartbeats come this often: two may be missed. */
export const HEARTBEAT_EVERY_MS = 500

/**
 * Whether a heartbeat of that age is one of somebody alive. One that lies ahead was written before Redis' clock was set back;
 * who lives renews it soon. `is_fresh` of the scripts is the same.
 */
export function isFresh(heartbeatAgeMs: number): boolean {
  return Math.abs(heartbeatAgeMs) < HEARTBEAT_FRESH_MS
}

const TAKE_SCRIPT: Script = loadScript('take', { allowOom: true, include: ['lineage', 'owner'] })
const HEARTBEAT_SCRIPT: Script = loadScript('heartbeat', { allowOom: true, include: ['owner'] })
const SUSPECT_SCRIPT: Script = loadScript('suspect', { allowOom: true, include: ['lineage', 'owner'] })
const TRIM_SCRIPT: Script = loadScript('trim', { allowOom: true, include: ['lineage', 'owner'] })

/** What a new owner is told. */
export interface Ownership {
  readonly token: string
  /** How often the partition was taken since its last commit or release: more than twice means that something kills its owners. */
  readonly takes: number
  /** What an earlier owner noted before it ended without a commit; empty when nothing. */
  readonly suspect: string
}

export type TakeReply =
  | { readonly status: 'ok'; readonly ownership: Ownership }
  | { readonly status: 'held'; readonly staleInMs: number }
  | { readonly status: 'lineage'; readonly stored: string; readonly current: string }

/**
 * Becomes the owner of a partition, or with `backfill` of the backfill of that window in it, unless another one is alive.
 *
 * @throws BusUnavailable
 */
export async function takePartition(
  redis: Redis,
  guard: Guard,
  partition: number,
  backfill?: string,
): Promise<TakeReply> {
  const scriptKeys = [keys.meta(partition), ledgerOf(partition, backfill)]
  const args = [randomBytes(8).toString('hex'), HEARTBEAT_FRESH_MS]
  const reply = (await guard.run(() => runScript(redis, TAKE_SCRIPT, scriptKeys, args))) as
    | ['OK', string, number, string]
    | ['HELD', number]
    | ['LINEAGE', string, string]
  switch (reply[0]) {
    case 'OK':
      return { status: 'ok', ownership: { token: reply[1], takes: reply[2], suspect: reply[3] } }
    case 'HELD':
      return { status: 'held', staleInMs: reply[1] }
    case 'LINEAGE':
      return { status: 'lineage', stored: reply[1], current: reply[2] }
  }
}

/** Renews the heartbeat, or with `release` gives the partition up. False when somebody else owns it. @throws BusUnavailable */
export async function heartbeat(
  redis: Redis,
  guard: Guard,
  partition: number,
  token: string,
  release: boolean,
  backfill?: string,
): Promise<boolean> {
  const args = [token, release ? '1' : '0']
  const ledger = ledgerOf(partition, backfill)
  return (await guard.run(() => runScript(redis, HEARTBEAT_SCRIPT, [ledger], args))) === 'OK'
}

/** Notes what is about to be folded until the next commit. @returns why it was refused, if so @throws BusUnavailable */
export async function noteSuspect(
  redis: Redis,
  guard: Guard,
  partition: number,
  log: LogVersion,
  token: string,
  suspect: string,
): Promise<Refusal | undefined> {
  const args = [log.epoch, log.lineage, token, suspect]
  return refusalOf(await guard.run(() => runScript(redis, SUSPECT_SCRIPT, [keys.meta(partition)], args)))
}

/** Removes entries of a topic below a stream id. @returns why that was refused, if so @throws BusUnavailable */
export async function trimLog(
  redis: Redis,
  guard: Guard,
  partition: number,
  log: LogVersion,
  token: string,
  topic: string,
  lowestKept: string,
): Promise<Refusal | undefined> {
  const scriptKeys = [keys.meta(partition), keys.log(partition, topic)]
  const args = [log.epoch, log.lineage, token, topic, lowestKept]
  const reply = await guard.run(() => runScript(redis, TRIM_SCRIPT, scriptKeys, args))
  return typeof reply === 'number' ? undefined : refusalOf(reply)
}
