import { randomBytes } from 'node:crypto'
import type { Redis } from './connection.ts'
import type { Guard } from './guard.ts'
import { keys } from './keys.ts'
import { loadScript, runScript, type Script } from './script.ts'

/** An owner whose heartbeat is younger than this is alive and cannot be replaced. */
export const HEARTBEAT_FRESH_MS = 1_500
/** Heartbeats come this often: two may be missed. */
export const HEARTBEAT_EVERY_MS = 500

const TAKE_SCRIPT: Script = loadScript('take', { allowOom: true, include: ['lineage', 'owner'] })
const HEARTBEAT_SCRIPT: Script = loadScript('heartbeat', { allowOom: true, include: ['owner'] })
const TRIM_SCRIPT: Script = loadScript('trim', { allowOom: true, include: ['owner'] })
/** Scripts of an owner, for loading ahead. */
export const OWNER_SCRIPTS: readonly Script[] = [TAKE_SCRIPT, HEARTBEAT_SCRIPT, TRIM_SCRIPT]

/** What a new owner starts from. */
export interface Ownership {
  readonly token: string
  readonly commitSeq: number
  /** How often the partition was taken since its last commit: more than once or twice means that something kills its owners. */
  readonly takes: number
  /** As committed last; empty before the first commit. */
  readonly offsets: string
  readonly clocks: string
}

export type TakeReply =
  | { readonly status: 'ok'; readonly ownership: Ownership }
  | { readonly status: 'held'; readonly staleInMs: number }
  | { readonly status: 'lineage'; readonly stored: string; readonly current: string }

/** Becomes the owner of a partition, unless another one is alive. @throws BusUnavailable */
export async function takePartition(redis: Redis, guard: Guard, partition: number): Promise<TakeReply> {
  const args = [randomBytes(8).toString('hex'), HEARTBEAT_FRESH_MS]
  const reply = (await guard.run(() => runScript(redis, TAKE_SCRIPT, [keys.meta(partition)], args))) as
    | ['OK', string, string, number, string, string]
    | ['HELD', number]
    | ['LINEAGE', string, string]
  switch (reply[0]) {
    case 'OK': {
      const [, token, commitSeq, takes, offsets, clocks] = reply
      return { status: 'ok', ownership: { token, commitSeq: Number(commitSeq), takes, offsets, clocks } }
    }
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
): Promise<boolean> {
  const args = [token, release ? '1' : '0']
  return (await guard.run(() => runScript(redis, HEARTBEAT_SCRIPT, [keys.meta(partition)], args))) === 'OK'
}

/** Removes entries of a topic below a stream id. False when somebody else owns the partition. @throws BusUnavailable */
export async function trimLog(
  redis: Redis,
  guard: Guard,
  partition: number,
  token: string,
  topic: string,
  lowestKept: string,
): Promise<boolean> {
  const scriptKeys = [keys.meta(partition), keys.log(partition, topic)]
  return (await guard.run(() => runScript(redis, TRIM_SCRIPT, scriptKeys, [token, topic, lowestKept]))) !== 'FENCED'
}
