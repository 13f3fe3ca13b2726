import type { Benchmark } from '../support/benchmark.ts'
import { askModule, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { PublisherOptions, PublisherReport } from './publisher.ts'

const LOAD = { sockets: 4, eventsPerFrame: 100, keys: 10_000, warmupMs: 3_000 } as const
const MEASURE_MS = 8_000

export const ingest: Benchmark = {
  description:
    'Acknowledged events per second into Redis (no worker), beside uWebSockets.js + JSON.parse on the same frames',
  notMeasured: 'workers, subscribers, networks other than loopback; publisher, gateway and Redis share the cores',
  async run(progress) {
    progress('control: uWebSockets.js + JSON.parse')
    const control = await measureControl()
    progress(`control ${control.eventsPerSec} events/s; Tidegate at full speed`)
    const redis = await startBenchRedis()
    try {
      const gateway = await startTidegate(['gateway', '--port', '0'], { REDIS_URL: redis.url })
      try {
        const peak = await publish({ ...LOAD, port: gateway.port, measureMs: MEASURE_MS })
        progress(`peak ${peak.eventsPerSec} events/s; latency at half of it`)
        const eventsPerSec = peak.eventsPerSec / 2
        const half = await publish({ ...LOAD, port: gateway.port, measureMs: MEASURE_MS, eventsPerSec })
        return {
          eventsPerSec: peak.eventsPerSec,
          ackP50Ms: round(half.ackP50Ms),
          ackP99Ms: round(half.ackP99Ms),
          controlEventsPerSec: control.eventsPerSec,
          ratio: round(peak.eventsPerSec / control.eventsPerSec),
          halfEventsPerSec: half.eventsPerSec,
          rejectedFrames: peak.rejected + half.rejected,
        }
      } finally {
        await gateway.stop()
      }
    } finally {
      await redis.close()
    }
  },
}

/** uWebSockets.js and JSON.parse alone, on the same frames. */
export async function measureControl(): Promise<PublisherReport> {
  const server = await untilReady(startModule(new URL('./control-server.ts', import.meta.url)))
  try {
    return await publish({ ...LOAD, port: server.port, measureMs: MEASURE_MS })
  } finally {
    await server.stop()
  }
}

/** Runs the publisher in a process of its own. */
export function publish(options: PublisherOptions): Promise<PublisherReport> {
  return askModule(new URL('./publisher.ts', import.meta.url), options)
}

const round = (value: number) => Math.round(value * 100) / 100
