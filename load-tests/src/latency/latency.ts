import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  openCommandConnection,
  type Redis,
  untilReady as untilConnected,
} from '../../../server/src/bus/redis/connection.ts'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { cpuSeconds, redisCpuSeconds } from '../support/cpu.ts'
import { percentile } from '../support/percentile.ts'
import { ask, type ServerProcess, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { VoidRound, validRound } from '../support/void-round.ts'
import type { PublisherOptions, PublisherReport } from './publisher.ts'
import type { StreamServerOptions } from './stream-server.ts'
import type { LatencyReport, SubscribersOptions } from './subscribers.ts'

const SUBSCRIBERS = 10
const RATES = [100, 5_000]
/** Tidegate and the controls take turns, each figure is the median of its rounds: these machines drift within a minute. */
const ROUNDS = 3
const WARM_UP_MS = 500
const MEASURE_MS = 2_500

export const latency: Benchmark = {
  description:
    'From the time at which an event should be published to its delivery to 10 subscribers, beside a bare relay and XADD + XREAD',
  control:
    'relay: uWebSockets.js that sends each frame to all subscribers and stores nothing; stream: one XADD for each frame, one XREAD after the other',
  notMeasured:
    'networks other than loopback; credit: the subscribers only read. The timer of the publisher is late by up to 1 ms, which counts for all alike',
  async run(progress) {
    const redis = await startBenchRedis()
    const monitor = openCommandConnection(redis.url, 'bench-monitor')
    await untilConnected(monitor, 5_000)
    const config = fileURLToPath(new URL('./latency.config.ts', import.meta.url))
    const streamChild = startModule(new URL('./stream-server.ts', import.meta.url))
    streamChild.send({ redisUrl: redis.url } satisfies StreamServerOptions)
    const subjects: Subjects = {
      tidegate: await startTidegate(['gateway', '--port', '0', '--config', config], { REDIS_URL: redis.url }),
      relay: await untilReady(startModule(new URL('./relay-server.ts', import.meta.url))),
      stream: await untilReady(streamChild),
    }
    const load: Load = {
      publisher: startModule(new URL('./publisher.ts', import.meta.url)),
      subscribers: startModule(new URL('./subscribers.ts', import.meta.url)),
      redis: monitor,
    }
    try {
      const figures: Record<string, Figures> = {}
      for (const eventsPerSec of RATES) {
        const measured = await inTurn(subjects, load, eventsPerSec, progress)
        for (const [name, report] of Object.entries(measured)) {
          progress(`${eventsPerSec} events/s, ${name}: ${JSON.stringify(report)}`)
        }
        figures[`at${eventsPerSec}`] = measured
      }
      return figures
    } finally {
      monitor.disconnect()
      load.publisher.kill()
      load.subscribers.kill()
      await Promise.all(Object.values(subjects).map((subject) => subject.stop()))
      await redis.close()
    }
  },
}

type SubjectName = 'tidegate' | 'relay' | 'stream'
type Subjects = Readonly<Record<SubjectName, ServerProcess>>

interface Load {
  readonly publisher: ChildProcess
  readonly subscribers: ChildProcess
  readonly redis: Redis
}

interface Measured {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** CPU of the server, and of Redis meanwhile. */
  readonly cpuMicrosPerEvent: number
  readonly redisCpuMicrosPerEvent: number
}

async function inTurn(
  subjects: Subjects,
  load: Load,
  eventsPerSec: number,
  progress: (message: string) => void,
): Promise<Readonly<Record<SubjectName, Figures>>> {
  const rounds: Record<SubjectName, Measured[]> = { tidegate: [], relay: [], stream: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, server] of Object.entries(subjects) as [SubjectName, ServerProcess][]) {
      const round = () => measure(server, load, eventsPerSec)
      rounds[name].push(await validRound(round, (reason) => progress(`void round of ${name}: ${reason}`)))
    }
  }
  const median = (name: SubjectName) => medianOf(rounds[name])
  return { tidegate: median('tidegate'), relay: median('relay'), stream: median('stream') }
}

async function measure(
  { port, pid }: ServerProcess,
  { publisher, subscribers, redis }: Load,
  eventsPerSec: number,
): Promise<Measured> {
  const publish = (durationMs: number) =>
    ask<PublisherReport>(publisher, { port, eventsPerSec, durationMs } satisfies PublisherOptions)
  await ask(subscribers, { port, count: SUBSCRIBERS } satisfies SubscribersOptions)
  await publish(WARM_UP_MS)
  await ask(subscribers, 'take')
  const [cpuBefore, redisBefore] = [await cpuSeconds(pid), await redisCpuSeconds(redis)]
  const { sent, acked } = await publish(MEASURE_MS)
  const [cpu, redisCpu] = [(await cpuSeconds(pid)) - cpuBefore, (await redisCpuSeconds(redis)) - redisBefore]
  const { deliveries, ...latencies } = await ask<LatencyReport>(subscribers, 'take')
  if (acked < sent || deliveries < sent * SUBSCRIBERS) {
    throw new VoidRound(`of ${sent} events ${acked} were acknowledged, and ${deliveries} deliveries came`)
  }
  const microsPerEvent = (seconds: number) => (seconds * 1_000_000) / sent
  return { ...latencies, cpuMicrosPerEvent: microsPerEvent(cpu), redisCpuMicrosPerEvent: microsPerEvent(redisCpu) }
}

function medianOf(rounds: readonly Measured[]): Figures {
  const median = (of: (round: Measured) => number) => Math.round(percentile(rounds.map(of), 0.5) * 100) / 100
  return {
    p50Ms: median(({ p50Ms }) => p50Ms),
    p99Ms: median(({ p99Ms }) => p99Ms),
    p999Ms: median(({ p999Ms }) => p999Ms),
    cpuMicrosPerEvent: median(({ cpuMicrosPerEvent }) => cpuMicrosPerEvent),
    redisCpuMicrosPerEvent: median(({ redisCpuMicrosPerEvent }) => redisCpuMicrosPerEvent),
  }
}
