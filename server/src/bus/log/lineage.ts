import { randomBytes } from 'node:crypto'
import { compareStreamIds } from '@tidegate/protocol'
import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'
import { decodeAncestors, isInherited } from './ancestors.ts'

const OPEN_SCRIPT: Script = loadScript('open-partition', { allowOom: true, include: ['lineage'] })
const ADOPT_SCRIPT: Script = loadScript('adopt-lineage', { allowOom: true, include: ['lineage'] })

/** A new random log epoch: random, because a log that came back empty must not repeat an epoch subscribers hold. */
export function newEpoch(): string {
  return randomBytes(5).readUIntBE(0, 5).toString(36)
}

/**
 * The epoch and the identity of Redis under which a partition was last written ('' for never), and the present
 * identity.
 */
export interface Lineage {
  readonly epoch: string
  readonly stored: string
  readonly current: string
}

/** A lineage, with the identity of Redis under which its epoch began, and the epochs before. */
export interface OpenLineage extends Lineage {
  readonly begun: string
  readonly epochs: KnownEpochs
}

/** The epochs that a log has had since a time, the present one included. */
export interface KnownEpochs {
  /** ms since 1970, by Redis' clock; infinite where none is known. */
  readonly sinceMs: number
  readonly names: readonly string[]
}

/** Creates the partition's meta on first use and reads its epoch and lineage. */
export async function openPartition(redis: Redis, partition: number): Promise<OpenLineage> {
  const reply = await runScript(redis, OPEN_SCRIPT, [keys.meta(partition)], [newEpoch()])
  const [epoch, stored, current, begun, epochs] = reply as [string, string, string, string, string]
  return { epoch, stored, current, begun, epochs: knownEpochs(epochs, epoch) }
}

/** @param text as stored; '' by a version that knew none */
function knownEpochs(text: string, present: string): KnownEpochs {
  const [since, ...names] = text.split(' ')
  // Else a process that does not know the list has begun the present one.
  return names.at(-1) === present ? { sinceMs: Number(since), names } : { sinceMs: Number.POSITIVE_INFINITY, names: [] }
}

/** Whether an entry is of an epoch that the log has lost, with the change to it. */
export function isOfLostEpoch({ epoch, streamId }: KnownEntry, { sinceMs, names }: KnownEpochs): boolean {
  return Number.parseInt(streamId, 10) > sinceMs && !names.includes(epoch)
}

/** An entry known to have been stored: it was acknowledged, delivered, read or written. */
export interface KnownEntry {
  readonly topic: string
  readonly epoch: string
  readonly streamId: string
}

/**
 * Decides whether the log is still the same after Redis changed its identity (restart, promotion, restored copy). It is
 * the same if every known entry of its epoch is still there, each looked up exactly: a newer last id proves nothing.
 * Then the lineage is adopted; otherwise the log gets a new epoch, which every subscriber learns by a gap. Entries of
 * earlier epochs prove nothing: their loss was reported before. Does nothing when another process was faster.
 *
 * @param hasGoneBack the epoch itself shows that the end is gone (`LineageProof`)
 * @returns the epoch under which the log continues, or `undefined` if it has to be read again
 */
export async function settleLineage(
  redis: Redis,
  partition: number,
  seen: Lineage,
  known: readonly KnownEntry[],
  hasGoneBack = false,
): Promise<string | undefined> {
  const ofEpoch = known.filter(({ epoch }) => epoch === seen.epoch)
  const missing = await missingEntries(redis, partition, ofEpoch)
  const isSame = seen.stored !== '' && missing.length === 0 && !hasGoneBack
  const next = isSame ? '' : newEpoch()
  if (next === '' && seen.stored === seen.current) return seen.epoch
  const args = [seen.stored, seen.current, seen.epoch, next]
  const [status, epoch] = (await runScript(redis, ADOPT_SCRIPT, [keys.meta(partition)], args)) as [string, string]
  return status === 'OK' ? epoch : undefined
}

/** The entries that are gone for another reason than trimming. */
export async function missingEntries(
  redis: Redis,
  partition: number,
  known: readonly KnownEntry[],
): Promise<KnownEntry[]> {
  const present = await Promise.all(known.map((entry) => isPresent(redis, partition, entry)))
  return known.filter((_, i) => !present[i])
}

async function isPresent(redis: Redis, partition: number, { topic, streamId }: KnownEntry): Promise<boolean> {
  const [entries, [trimmedTo, ancestors]] = await Promise.all([
    redis.xrange(keys.log(partition, topic), streamId, streamId),
    redis.hmget(keys.meta(partition), `trim:${topic}`, 'ancestors'),
  ])
  // A trimmed entry proves nothing either way: it was removed on purpose. So was one that went to another partition.
  if (entries.length === 1 || (trimmedTo != null && compareStreamIds(streamId, trimmedTo) <= 0)) return true
  return isInherited(decodeAncestors(ancestors ?? null), topic, streamId)
}
