import { cpuSeconds, redisCpuSeconds } from '../support/cpu.ts'
import { percentile } from '../support/percentile.ts'
import { VoidRound } from '../support/void-round.ts'
import { idleCores, warmRounds } from '../support/warm-rounds.ts'
import { type Running, type Spread, withSpreads } from './deployment.ts'
import { EVENTS_PER_BATCH } from './load.ts'

export const PARTS = ['publishing', 'readers', 'workers', 'redis'] as const
/** Those of which there are several together. */
export type ByPart = Readonly<Record<(typeof PARTS)[number], number>>

export interface SpreadCost {
  /** CPU seconds for a million events, beyond what the processes use with nothing to do. */
  readonly cpuSeconds: ByPart & { readonly total: number }
  /** The CPU of all parts beside that of the first spread in the same turn: the median over the turns. */
  readonly besideFirst: number
  /** Cores used with nothing to do. */
  readonly idleCores: ByPart & { readonly total: number }
  /** Memory of Redis for a stored event. */
  readonly redisBytesPerEvent: number
  /** Record batches of events, and how many events are in each. */
  readonly batchesPerSec: number
  readonly eventsPerBatch: number
}

const ROUND_MS = 3_000
const TURNS = 5
/** Each process compiles what it runs: the more of them, the more of what is measured would be that. */
const WARM_UP_MS = 20_000
/** Batches that are larger or smaller by this share cost another CPU: the round says nothing about the spread. */
const SAME_BATCHES = 0.15

/**
 * Measures each spread on a deployment of its own, all at once, in turn.
 *
 * @returns their costs in the same order. @throws VoidRound where rounds with rejects or losses are too many
 */
export async function measureSpreads(
  spreads: readonly Spread[],
  say: (spread: Spread, line: string) => void,
): Promise<readonly SpreadCost[]> {
  const warm = await withSpreads(spreads, (all) =>
    warmRounds(
      all.map((running, i) => ({
        running,
        atRest: () => idleCores(() => cpuOf(running)),
        measure: async (idle: ByPart) => {
          const round = await measureRound(running, idle, spreads[i]!)
          say(spreads[i]!, JSON.stringify(round))
          return round
        },
        say: (line: string) => say(spreads[i]!, line),
      })),
      { warmUpMs: WARM_UP_MS, turns: TURNS },
    ),
  )
  const first = warm[0]!.rounds
  return warm.map(({ rest, rounds }) => {
    const median = (of: (round: Round, turn: number) => number) => percentile(rounds.map(of), 0.5)
    return {
      cpuSeconds: withTotal(each((part) => median(({ used }) => used[part]))),
      besideFirst: rounded(median(({ used }, turn) => totalOf(used) / totalOf(first[turn]!.used))),
      idleCores: withTotal(rest),
      redisBytesPerEvent: Math.round(median(({ bytesPerEvent }) => bytesPerEvent)),
      batchesPerSec: Math.round(median(({ batches }) => batches / (ROUND_MS / 1_000))),
      eventsPerBatch: rounded(median(eventsPerBatch)),
    }
  })
}

interface Round {
  /** CPU seconds for a million events. */
  readonly used: ByPart
  readonly sentEvents: number
  readonly batches: number
  readonly bytesPerEvent: number
}

const eventsPerBatch = ({ sentEvents, batches }: Round) => sentEvents / batches

/** @throws VoidRound */
async function measureRound(running: Running, idle: ByPart, { readers }: Spread): Promise<Round> {
  await running.takeDelivered()
  const batchesBefore = await running.storedBatches()
  const startedAt = performance.now()
  const before = await cpuOf(running)
  const { sentEvents, ackedEvents } = await running.publish(ROUND_MS)
  const after = await cpuOf(running)
  const seconds = (performance.now() - startedAt) / 1_000
  const delivered = await running.takeDelivered()
  if (ackedEvents < sentEvents || delivered < sentEvents * readers)
    throw new VoidRound(`of ${sentEvents} events ${ackedEvents} were acknowledged and ${delivered} delivered`)
  const batches = (await running.storedBatches()) - batchesBefore
  const round: Round = {
    used: each((part) => ((after[part] - before[part] - idle[part] * seconds) * 1e6) / sentEvents),
    sentEvents,
    batches,
    bytesPerEvent: ((await running.bytesPerBatch()) * batches) / sentEvents,
  }
  if (Math.abs(eventsPerBatch(round) / EVENTS_PER_BATCH - 1) > SAME_BATCHES)
    throw new VoidRound(
      `${rounded(eventsPerBatch(round))} events in a record batch, ${rounded(EVENTS_PER_BATCH)} wanted`,
    )
  return round
}

async function cpuOf({ publishing, readers, workers, masters }: Running): Promise<ByPart> {
  const sum = async (all: readonly Promise<number>[]) => (await Promise.all(all)).reduce((a, b) => a + b, 0)
  return {
    publishing: await cpuSeconds(publishing.pid),
    readers: await sum(readers.map(({ pid }) => cpuSeconds(pid))),
    workers: await sum(workers.map(({ pid }) => cpuSeconds(pid))),
    redis: await sum(masters.map(redisCpuSeconds)),
  }
}

function each(of: (part: (typeof PARTS)[number]) => number): ByPart {
  return Object.fromEntries(PARTS.map((part) => [part, of(part)])) as unknown as ByPart
}

function withTotal(parts: ByPart): ByPart & { readonly total: number } {
  return { ...each((part) => rounded(parts[part])), total: rounded(totalOf(parts)) }
}

const totalOf = (parts: ByPart) => PARTS.reduce((sum, part) => sum + parts[part], 0)

const rounded = (value: number) => Math.round(value * 100) / 100
