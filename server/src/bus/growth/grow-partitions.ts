import { setTimeout as sleep } from 'node:timers/promises'
import { version } from '../../package-files.ts'
import { openBulkConnection, type Redis, untilReady } from '../connection.ts'
import { readContract } from '../contract-view.ts'
import { BusFull, BusMismatch } from '../errors.ts'
import { checkFormat, GROWN_FORMAT } from '../format.ts'
import { slotOf } from '../hash-slot.ts'
import { keys } from '../keys.ts'
import { newEpoch } from '../lineage.ts'
import { checkRedis, parseInfo } from '../redis-fitness.ts'
import { routeTo } from '../route/index.ts'
import { storedPartitions } from '../topology.ts'
import { copyPartition } from './copy-partition.ts'
import type { Division } from './division.ts'
import { beginGrowth, endGrowth, type GrowthMarker, readMarker, undoGrowth, writeMarker } from './growth-marker.ts'
import type { GrowthPlan } from './growth-plan.ts'
import type { GrowthRun } from './growth-run.ts'
import { fingerprintOf, takeInventory } from './inventory.ts'
import { type MemoryNeed, memoryNeed } from './memory-need.ts'
import { refuseBackfills, untilNobodyRuns } from './standstill.ts'
import { clearFormer, placeCopies, removeCopies } from './switch-over.ts'

export interface GrowthOptions {
  readonly url: string
  /** How long Redis may take until it accepts commands, ms. */
  readonly waitMs: number
  readonly stopped: AbortSignal
  /** How long processes that are connected are waited for, ms. */
  readonly patienceMs?: number
  /** How long Redis is given at the end to bring all of it to the disk, ms. */
  readonly settleMs?: number
}

/** Redis syncs its file every second, unless the disk is slow. */
const SETTLE_MS = 2_000

export interface Growth extends GrowthOptions {
  /** The new number of partitions. */
  readonly to: number
  /** What the stored names mean, by the record of the contract that ran last; '' where there is none. */
  readonly plan: (record: string) => GrowthPlan
  /** @param entries done in this phase; of `copying`, those that there are */
  readonly onProgress: (phase: GrowthMarker['phase'], done: number, entries: number | undefined) => void
}

/** What a growth does, or would do. */
export interface GrowthReport extends Division, MemoryNeed {}

/**
 * Divides the partitions of a deployment that is stopped into more. What it makes lies beside what is there until it is
 * complete; then one write decides, and the copies take the places of what they replace. Whatever ends it: called again, it
 * begins anew before that write, and continues behind it.
 *
 * @returns what was there; `undefined` where it continued
 * @throws BusUnreachable; BusMismatch and BusFull with what to do
 */
export async function growPartitions(growth: Growth): Promise<GrowthReport | undefined> {
  return withRedis(growth, async (redis) => {
    const { to, stopped, patienceMs } = growth
    await untilNobodyRuns(redis, stopped, patienceMs)
    const marker = await readMarker(redis)
    if (marker !== undefined && marker.to !== to) throw underWay(marker)
    const plan = await planOf(redis, growth)
    if (marker !== undefined && marker.phase !== 'copying') {
      await switchOver(redis, growth, plan, marker)
      return undefined
    }
    const division = await divisionOf(redis, to)
    const report = await begin(redis, growth, plan, division, marker)
    const run = runOf(redis, growth, plan, division, 'copying', report.entries)
    const inventory = await takeInventory(redis, division.from, plan)
    const before = await fingerprintOf(redis, inventory)
    for (const [parent, stored] of inventory) await copyPartition(run, parent, stored)
    // A process that looked just before the growth began may have come up meanwhile.
    await untilNobodyRuns(redis, stopped, patienceMs)
    if (before !== (await fingerprintOf(redis, await takeInventory(redis, division.from, plan)))) {
      throw new BusMismatch(
        'Something was stored while the partitions were copied. Stop all processes, and run this again.',
      )
    }
    stopped.throwIfAborted()
    const { format } = (await readMarker(redis))!
    const decided: GrowthMarker = { ...division, format, phase: 'clearing' }
    await writeMarker(redis, decided)
    await switchOver(redis, growth, plan, decided)
    return report
  })
}

/** What `growPartitions` would do. Writes nothing. @throws as it does */
export async function previewGrowth(growth: Growth): Promise<GrowthReport> {
  return withRedis(growth, async (redis) => {
    const marker = await readMarker(redis)
    if (marker !== undefined) throw underWay(marker)
    const division = await divisionOf(redis, growth.to)
    const plan = await planOf(redis, growth)
    return {
      ...division,
      ...(await memoryNeed(redis, division, plan, await takeInventory(redis, division.from, plan))),
    }
  })
}

/** Leaves the data as they were before a growth that has not decided. @returns whether there was one @throws BusMismatch */
export async function abortGrowth(options: GrowthOptions): Promise<boolean> {
  return withRedis(options, async (redis) => {
    await untilNobodyRuns(redis, options.stopped, options.patienceMs)
    const marker = await readMarker(redis)
    if (marker === undefined) return false
    if (marker.phase !== 'copying') throw underWay(marker)
    await removeCopies({ redis })
    await undoGrowth(redis, marker)
    return true
  })
}

async function withRedis<T>({ url, waitMs }: GrowthOptions, use: (redis: Redis) => Promise<T>): Promise<T> {
  if (routeTo(url).isCluster) {
    throw new BusMismatch(
      'The partitions of a cluster cannot be divided: their keys would have to change nodes at one moment (docs/cluster.md).',
    )
  }
  const redis = openBulkConnection(url, 'growth', { slot: slotOf(keys.cluster) })
  try {
    await untilReady(redis, waitMs)
    await checkRedis(redis, false, () => {})
    await checkFormat(redis)
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

async function divisionOf(redis: Redis, to: number): Promise<Division> {
  const from = await storedPartitions(redis)
  if (from === undefined) throw new BusMismatch('This Redis holds no data of Tidegate.')
  if (to === from) throw new BusMismatch(`The data have ${from} partitions already.`)
  if (to < from) throw new BusMismatch(`The data have ${from} partitions, and cannot get fewer.`)
  if (to % from !== 0) {
    throw new BusMismatch(
      `The data have ${from} partitions: choose a multiple, such as ${2 * from} or ${4 * from}. Each is then divided by itself.`,
    )
  }
  return { from, to }
}

async function planOf(redis: Redis, { plan }: Growth): Promise<GrowthPlan> {
  const contract = await readContract(() => redis)
  return plan(contract?.record ?? '')
}

/** Checks that nothing is in the way, removes what an earlier attempt left, and shuts processes out. */
async function begin(
  redis: Redis,
  { to }: Growth,
  plan: GrowthPlan,
  division: Division,
  marker: GrowthMarker | undefined,
): Promise<GrowthReport> {
  await refuseBackfills(redis)
  await removeCopies({ redis })
  const need = await memoryNeed(redis, division, plan, await takeInventory(redis, division.from, plan))
  if (need.free !== undefined && need.free < need.needed) {
    const [needed, free] = [need.needed, need.free].map((bytes) => Math.ceil(bytes / 1_048_576))
    throw new BusFull(
      `the copies take about ${needed} MiB until the former partitions are removed, and ${free} MiB are free: raise maxmemory meanwhile`,
    )
  }
  if (marker === undefined) {
    const format = await redis.get(keys.format)
    await beginGrowth(redis, { ...division, to, phase: 'copying', format }, `${GROWN_FORMAT} ${version()}`)
  }
  return { ...division, ...need }
}

async function switchOver(redis: Redis, growth: Growth, plan: GrowthPlan, marker: GrowthMarker): Promise<void> {
  if (marker.phase === 'clearing') {
    await clearFormer(runOf(redis, growth, plan, marker, 'clearing'))
    await writeMarker(redis, { ...marker, phase: 'placing' })
  }
  await placeCopies(runOf(redis, growth, plan, marker, 'placing'))
  await endGrowth(redis, marker)
  // If Redis lost the end of this when processes have stored more, it could neither be continued nor left.
  if (parseInfo(await redis.info('persistence')).get('aof_enabled') === '1') await sleep(growth.settleMs ?? SETTLE_MS)
}

function runOf(
  redis: Redis,
  { stopped, onProgress }: Growth,
  plan: GrowthPlan,
  division: Division,
  phase: GrowthMarker['phase'],
  entries?: number,
): GrowthRun {
  let done = 0
  const epochs = Array.from({ length: division.to }, newEpoch)
  const onDone = (more: number) => {
    done += more
    onProgress(phase, done, entries)
  }
  return { redis, division, plan, epochs, stopped, onDone }
}

function underWay({ from, to, phase }: GrowthMarker): BusMismatch {
  const end = `\`tidegate partitions grow ${to}\` ends it`
  return new BusMismatch(
    `The ${from} partitions of this data are being divided into ${to}: ${end}${phase === 'copying' ? ', --abort undoes it' : ''}.`,
  )
}
