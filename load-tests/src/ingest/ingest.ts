import type { Benchmark } from '../support/benchmark.ts'
import { percentile } from '../support/percentile.ts'
import { askModule, type ServerProcess, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { VoidRound, validRound } from '../support/void-round.ts'
import type { PublisherOptions, PublisherReport } from './publisher.ts'

const LOAD = { sockets: 4, eventsPerFrame: 100, keys: 10_000 } as const
/** Control and Tidegate take turns, each figure is the median of its rounds: these machines drift within a minute. */
const ROUNDS = 5
const ROUND = { warmupMs: 1_000, measureMs: 3_000 } as const
const LATENCY = { warmupMs: 2_000, measureMs: 10_000 } as const

const CONTROL = 'uWebSockets.js and JSON.parse alone on the same frames: nothing is checked or stored'
const NOT_MEASURED = 'workers, subscribers, networks other than loopback; publisher, gateway and Redis share the cores'

export const ingest: Benchmark = {
  description:
    'Acknowledged events per second into Redis (no worker), beside uWebSockets.js + JSON.parse on the same frames',
  control: CONTROL,
  notMeasured: NOT_MEASURED,
  run: (progress) => measure('new', progress),
}

export const unnamed: Benchmark = {
  description: 'The same of producers whose hello has no sequence: Redis keeps what proves their duplicates',
  control: CONTROL,
  notMeasured: NOT_MEASURED,
  run: (progress) => measure(undefined, progress),
}

async function measure(sequence: 'new' | undefined, progress: Parameters<Benchmark['run']>[0]) {
  const redis = await startBenchRedis()
  const control = await startControl()
  const gateway = await startTidegate(['gateway', '--port', '0'], { REDIS_URL: redis.url })
  const load = { ...LOAD, sequence }
  try {
    const rates = { control: [] as number[], gateway: [] as number[] }
    for (let round = 1; round <= ROUNDS; round++) {
      const bare = await publish({ ...load, ...ROUND, port: control.port })
      const peak = await validRound(
        () => accepted({ ...load, ...ROUND, port: gateway.port }),
        (reason) => progress(`void round: ${reason}`),
      )
      progress(`round ${round} of ${ROUNDS}: ${peak.eventsPerSec} events/s, control ${bare.eventsPerSec}`)
      rates.control.push(bare.eventsPerSec)
      rates.gateway.push(peak.eventsPerSec)
    }
    const peak = percentile(rates.gateway, 0.5)
    const controlEventsPerSec = percentile(rates.control, 0.5)
    progress(`latency at ${peak / 2} events/s`)
    const half = await publish({ ...load, ...LATENCY, port: gateway.port, eventsPerSec: peak / 2 })
    return {
      eventsPerSec: peak,
      ackP50Ms: round(half.ackP50Ms),
      ackP99Ms: round(half.ackP99Ms),
      controlEventsPerSec,
      ratio: round(peak / controlEventsPerSec),
      halfEventsPerSec: half.eventsPerSec,
      rejectedFrames: half.rejected,
    }
  } finally {
    await Promise.all([gateway.stop(), control.stop()])
    await redis.close()
  }
}

/** A round at full speed. @throws VoidRound: behind a refused frame all others of its socket are refused */
async function accepted(options: PublisherOptions): Promise<PublisherReport> {
  const report = await publish(options)
  if (report.rejected > 0) throw new VoidRound(`${report.rejected} frames were refused`)
  return report
}

function startControl(): Promise<ServerProcess> {
  return untilReady(startModule(new URL('./control-server.ts', import.meta.url)))
}

/** uWebSockets.js and JSON.parse alone, on the same frames. */
export async function measureControl(): Promise<PublisherReport> {
  const server = await startControl()
  try {
    return await publish({ ...LOAD, port: server.port, warmupMs: 2_000, measureMs: 5_000 })
  } finally {
    await server.stop()
  }
}

/** Runs the publisher in a process of its own. */
export function publish(options: PublisherOptions): Promise<PublisherReport> {
  return askModule(new URL('./publisher.ts', import.meta.url), options)
}

const round = (value: number) => Math.round(value * 100) / 100
