import { version } from '../../package-files.ts'
import { readContract } from '../contract/contract-view.ts'
import { checkFormat, GROWN_FORMAT } from '../contract/format.ts'
import { storedPartitions } from '../contract/topology.ts'
import { BusFull, BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import { newEpoch } from '../log/lineage.ts'
import { Masters } from '../redis/masters.ts'
import { isElsewhere } from '../redis/outage.ts'
import { placeSlots, slotMoved } from '../redis/placed-slots.ts'
import { copyKeysOfOne } from './copy-keys-of-one.ts'
import { copyPartition } from './copy-partition.ts'
import type { Division } from './division.ts'
import { beginGrowth, endGrowth, type GrowthMarker, readMarker, undoGrowth, writeMarker } from './growth-marker.ts'
import type { GrowthPlan } from './growth-plan.ts'
import type { GrowthRun } from './growth-run.ts'
import { fingerprintOf, takeInventory } from './inventory.ts'
import { type MemoryNeed, memoryNeed } from './memory-need.ts'
import { changePhase, type Ground } from './phase-change.ts'
import { refuseBackfills, untilNobodyRuns } from './standstill.ts'
import { clearFormer, placeCopies, removeCopies } from './switch-over.ts'
import { untilDurable } from './until-durable.ts'

export interface GrowthOptions {
  readonly url: string
  /** How long Redis may take until it accepts commands, ms. */
  readonly waitMs: number
  readonly stopped: AbortSignal
  /** How long processes that are connected are waited for, ms. */
  readonly patienceMs?: number
  /** How long Redis is given at the end to bring all of it to the disk, ms. */
  readonly settleMs?: number
  /** How long replicas are given to confirm it, ms. */
  readonly confirmMs?: number
}

/** Redis syncs its file every second, unless the disk is slow. */
const SETTLE_MS = 2_000
/** A replica that confirms nothing for so long does not keep up, or is about to be given up. */
const CONFIRM_MS = 20_000

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
  return withMasters(growth, async (masters) => {
    const { to, stopped, patienceMs, settleMs = SETTLE_MS, confirmMs = CONFIRM_MS } = growth
    const slots = await placeSlots(growth.url, to, growth.waitMs)
    const ground: Ground = { masters, slots, patience: { settleMs, confirmMs } }
    await untilNobodyRuns(masters, stopped, patienceMs)
    const marker = await markerOn(masters)
    if (marker !== undefined && marker.to !== to) throw underWay(marker)
    const plan = await planOf(masters, growth)
    if (marker !== undefined && marker.phase !== 'copying') {
      await switchOver(ground, growth, plan, marker)
      return undefined
    }
    const division = await divisionOf(masters, to)
    const report = await begin(masters, plan, division, marker)
    const run = runOf(masters, growth, plan, division, 'copying', report.entries)
    const inventory = await takeInventory(masters, division.from, plan)
    const before = await fingerprintOf(masters, inventory)
    for (const [parent, stored] of inventory) await copyPartition(run, parent, stored)
    await copyKeysOfOne(run)
    // A process that looked just before the growth began may have come up meanwhile.
    await untilNobodyRuns(masters, stopped, patienceMs)
    const begun = await markerOn(masters)
    if (
      begun === undefined ||
      before !== (await fingerprintOf(masters, await takeInventory(masters, division.from, plan)))
    ) {
      throw new BusMismatch(
        'Something was stored while the partitions were copied. Stop all processes, and run this again.',
      )
    }
    stopped.throwIfAborted()
    const decided: GrowthMarker = { ...begun, phase: 'clearing' }
    await changePhase(ground, () => writeMarker(masters, decided))
    await switchOver(ground, growth, plan, decided)
    return report
  })
}

/** What `growPartitions` would do. Writes nothing. @throws as it does */
export async function previewGrowth(growth: Growth): Promise<GrowthReport> {
  return withMasters(growth, async (masters) => {
    const marker = await markerOn(masters)
    if (marker !== undefined) throw underWay(marker)
    const division = await divisionOf(masters, growth.to)
    const plan = await planOf(masters, growth)
    return {
      ...division,
      ...(await memoryNeed(masters, division, plan, await takeInventory(masters, division.from, plan))),
    }
  })
}

/** Leaves the data as they were before a growth that has not decided. @returns whether there was one @throws BusMismatch */
export async function abortGrowth(options: GrowthOptions): Promise<boolean> {
  return withMasters(options, async (masters) => {
    await untilNobodyRuns(masters, options.stopped, options.patienceMs)
    const marker = await markerOn(masters)
    if (marker === undefined) return false
    if (marker.phase !== 'copying') throw underWay(marker)
    const slots = await placeSlots(options.url, marker.to, options.waitMs)
    await removeCopies(masters)
    await slots.confirm()
    await undoGrowth(masters, marker)
    return true
  })
}

async function withMasters<T>({ url, waitMs }: GrowthOptions, use: (masters: Masters) => Promise<T>): Promise<T> {
  const masters = await Masters.open(url, 'growth', waitMs)
  try {
    await checkFormat(masters.of(keys.format))
    return await use(masters)
  } catch (error) {
    throw isElsewhere(error) ? slotMoved() : error
  } finally {
    masters.close()
  }
}

const markerOn = (masters: Masters) => readMarker(masters.of(keys.cluster))

async function divisionOf(masters: Masters, to: number): Promise<Division> {
  const from = await storedPartitions(masters.of(keys.cluster))
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

async function planOf(masters: Masters, { plan }: Growth): Promise<GrowthPlan> {
  const contract = await readContract((key) => masters.of(key))
  return plan(contract?.record ?? '')
}

/** Checks that nothing is in the way, removes what an earlier attempt left, and shuts processes out. */
async function begin(
  masters: Masters,
  plan: GrowthPlan,
  division: Division,
  marker: GrowthMarker | undefined,
): Promise<GrowthReport> {
  await refuseBackfills(masters)
  await removeCopies(masters)
  const need = await memoryNeed(masters, division, plan, await takeInventory(masters, division.from, plan))
  if (need.free !== undefined && need.free < need.needed) {
    const [needed, free] = [need.needed, need.free].map((bytes) => Math.ceil(bytes / 1_048_576))
    const where = need.node === undefined ? '' : ` at ${need.node}`
    throw new BusFull(
      `the copies take about ${needed} MiB${where} until the former partitions are removed, and ${free} MiB are free: raise maxmemory meanwhile`,
    )
  }
  const format = () => masters.of(keys.format).get(keys.format)
  const begun = marker ?? { ...division, phase: 'copying', format: await format() }
  await beginGrowth(masters, begun, `${GROWN_FORMAT} ${version()}`)
  return { ...division, ...need }
}

async function switchOver(ground: Ground, growth: Growth, plan: GrowthPlan, marker: GrowthMarker): Promise<void> {
  const { masters, patience } = ground
  if (marker.phase === 'clearing') {
    await clearFormer(runOf(masters, growth, plan, marker, 'clearing'))
    await changePhase(ground, () => writeMarker(masters, { ...marker, phase: 'placing' }))
  }
  await placeCopies(runOf(masters, growth, plan, marker, 'placing'))
  await changePhase(ground, () => endGrowth(masters, marker))
  // If Redis lost the end of this when processes have stored more, it could neither be continued nor left.
  if (!masters.isCluster) await untilDurable(masters, patience)
}

function runOf(
  masters: Masters,
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
  return { masters, division, plan, epochs, stopped, onDone }
}

function underWay({ from, to, phase }: GrowthMarker): BusMismatch {
  const end = `\`tidegate partitions grow ${to}\` ends it`
  return new BusMismatch(
    `The ${from} partitions of this data are being divided into ${to}: ${end}${phase === 'copying' ? ', --abort undoes it' : ''}.`,
  )
}
