import { randomBytes } from 'node:crypto'
import { compareStreamIds } from '@tidegate/protocol'
import type { Redis } from './connection.ts'
import { keys } from './keys.ts'
import { loadScript, runScript, type Script } from './script.ts'

const OPEN_SCRIPT: Script = loadScript('open-partition', { allowOom: true, include: ['lineage'] })
const ADOPT_SCRIPT: Script = loadScript('adopt-lineage', { allowOom: true, include: ['lineage'] })

/** A new random log epoch: random, because a log that came back empty must not repeat an epoch subscribers hold. */
export function newEpoch(): string {
  return randomBytes(5).readUIntBE(0, 5).toString(36)
}

/** Under which epoch and identity of Redis a partition was last written, '' for never, and which identity it has now. */
export interface Lineage {
  readonly epoch: string
  readonly stored: string
  readonly current: string
}

/** A lineage, with the identity of Redis under which its epoch began. */
export interface OpenLineage extends Lineage {
  readonly begun: string
}

/** Creates the partition's meta on first use and tells under which epoch and lineage it is written. */
export async function openPartition(redis: Redis, partition: number): Promise<OpenLineage> {
  const reply = await runScript(redis, OPEN_SCRIPT, [keys.meta(partition)], [newEpoch()])
  const [epoch, stored, current, begun] = reply as [string, string, string, string]
  return { epoch, stored, current, begun }
}

/** An entry that somebody knows to have been stored: it was acknowledged, delivered, read or written. */
export interface KnownEntry {
  readonly topic: string
  readonly epoch: string
  readonly streamId: string
}

/**
 * Redis runs under another identity than the partition was last written under (restart, promotion, restored copy), or than
 * an entry was stored under that somebody knows. The log is the same one if every known entry of its epoch is still there, each
 * looked up exactly: a newer last id proves nothing. Then the lineage is adopted; otherwise the log gets a new epoch, which tells
 * every subscriber. Entries of earlier epochs prove nothing: that those may be gone has been told. Does nothing when another
 * process was faster.
 *
 * @returns the epoch under which the log goes on, or `undefined` when it has to be looked at again
 */
export async function settleLineage(
  redis: Redis,
  partition: number,
  seen: Lineage,
  known: readonly KnownEntry[],
): Promise<string | undefined> {
  const ofEpoch = known.filter(({ epoch }) => epoch === seen.epoch)
  const missing = await missingEntries(redis, partition, ofEpoch)
  const next = seen.stored !== '' && missing.length === 0 ? '' : newEpoch()
  if (next === '' && seen.stored === seen.current) return seen.epoch
  const args = [seen.stored, seen.current, seen.epoch, next]
  const [status, epoch] = (await runScript(redis, ADOPT_SCRIPT, [keys.meta(partition)], args)) as [string, string]
  return status === 'OK' ? epoch : undefined
}

/** Those of some entries that are gone for another reason than that they were trimmed. */
export async function missingEntries(
  redis: Redis,
  partition: number,
  known: readonly KnownEntry[],
): Promise<KnownEntry[]> {
  const present = await Promise.all(known.map((entry) => isPresent(redis, partition, entry)))
  return known.filter((_, i) => !present[i])
}

async function isPresent(redis: Redis, partition: number, { topic, streamId }: KnownEntry): Promise<boolean> {
  const [entries, trimmedTo] = await Promise.all([
    redis.xrange(keys.log(partition, topic), streamId, streamId),
    redis.hget(keys.meta(partition), `trim:${topic}`),
  ])
  // A trimmed entry proves nothing either way: it was removed on purpose.
  return entries.length === 1 || (trimmedTo !== null && compareStreamIds(streamId, trimmedTo) <= 0)
}
