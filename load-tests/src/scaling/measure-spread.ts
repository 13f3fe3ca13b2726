import { cpuSeconds, redisCpuSeconds } from '../support/cpu.ts'
import { percentile } from '../support/percentile.ts'
import { VoidRound } from '../support/void-round.ts'
import { idleCores, warmRounds } from '../support/warm-rounds.ts'
import { type Running, type Spread, withSpread } from './deployment.ts'

export const PARTS = ['publishing', 'readers', 'workers', 'redis'] as const
/** Those of which there are several together. */
export type ByPart = Readonly<Record<(typeof PARTS)[number], number>>

export interface SpreadCost {
  /** CPU seconds for a million events, beyond what the processes use with nothing to do. */
  readonly cpuSeconds: ByPart & { readonly total: number }
  /** Cores used with nothing to do. */
  readonly idleCores: ByPart & { readonly total: number }
  /** Memory of Redis for a stored event. */
  readonly redisBytesPerEvent: number
}

const ROUND_MS = 3_000

/** Measures a spread on a deployment of its own. @throws VoidRound where rounds with rejects or losses are too many */
export function measureSpread(spread: Spread, say: (line: string) => void): Promise<SpreadCost> {
  return withSpread(spread, async (running) => {
    const atRest = async () => ({ idle: await idleCores(() => cpuOf(running)), usedBytes: await redisBytes(running) })
    const measure = ({ idle }: { idle: ByPart }) => measureRound(running, idle, spread)
    const { rest, rounds } = await warmRounds(running, atRest, measure, say)
    const events = rounds.reduce((sum, { sentEvents }) => sum + sentEvents, 0)
    const redisBytesPerEvent = Math.round(((await redisBytes(running)) - rest.usedBytes) / events)
    const median = each((part) =>
      percentile(
        rounds.map(({ used }) => used[part]),
        0.5,
      ),
    )
    return { cpuSeconds: withTotal(median), idleCores: withTotal(rest.idle), redisBytesPerEvent }
  })
}

interface Round {
  /** CPU seconds for a million events. */
  readonly used: ByPart
  readonly sentEvents: number
}

/** @throws VoidRound */
async function measureRound(running: Running, idle: ByPart, { readers }: Spread): Promise<Round> {
  await running.takeDelivered()
  const startedAt = performance.now()
  const before = await cpuOf(running)
  const { sentEvents, ackedEvents } = await running.publish(ROUND_MS)
  const after = await cpuOf(running)
  const seconds = (performance.now() - startedAt) / 1_000
  const delivered = await running.takeDelivered()
  if (ackedEvents < sentEvents || delivered < sentEvents * readers)
    throw new VoidRound(`of ${sentEvents} events ${ackedEvents} were acknowledged and ${delivered} delivered`)
  return { used: each((part) => ((after[part] - before[part] - idle[part] * seconds) * 1e6) / sentEvents), sentEvents }
}

async function redisBytes({ masters }: Running): Promise<number> {
  const used = await Promise.all(
    masters.map(async (redis) => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])),
  )
  return used.reduce((sum, bytes) => sum + bytes, 0)
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
  const rounded = each((part) => Math.round(parts[part] * 100) / 100)
  const total = PARTS.reduce((sum, part) => sum + parts[part], 0)
  return { ...rounded, total: Math.round(total * 100) / 100 }
}
