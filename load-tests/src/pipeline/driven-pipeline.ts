import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { publish } from '../ingest/ingest.ts'
import type { PublisherReport } from '../ingest/publisher.ts'
import { openBench } from '../support/catch-up.ts'
import { ConsumerLag } from '../support/consumer-lag.ts'
import { cpuSeconds, redisCpuSeconds } from '../support/cpu.ts'
import { startBoth } from '../support/gateway-and-worker.ts'
import { percentile } from '../support/percentile.ts'
import { startModule } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { SubscribersReport } from './subscribers.ts'

const PARTITIONS = 8
const CONFIG = fileURLToPath(new URL('./pipeline.config.ts', import.meta.url))
const LOAD = { sockets: 4, eventsPerFrame: 100, keys: 10_000 } as const
const SUBSCRIBERS = 100
const OUT_OF_ORDERNESS_MS = 2_000
/** Of each step, for the connections of its publisher. */
const SETTLE_MS = 2_000
/** The lag does not grow: half of the samples of a step's second half lie below the first, all below the second. */
const KEPT_UP = { medianMs: 500, mostMs: 2_000 } as const
const CATCH_UP_MS = 60_000

/** One step: what was published, and whether all kept up with it. */
export interface Step extends PublisherReport {
  /** The publisher had its acknowledgements, and the worker's lag did not grow. */
  readonly keptUp: boolean
  /** How far the worker was behind, every half second, ms. */
  readonly lags: readonly number[]
  /** CPU time of each process, microseconds an event. */
  readonly cpuUsPerEvent: Record<'gateway' | 'worker' | 'redis', number>
}

/** Gateway, worker, Redis and subscribers, driven at one rate after another. */
export interface DrivenPipeline {
  drive(eventsPerSec: number, measureMs: number): Promise<Step>
  /** What a step left behind is folded before the next begins. */
  catchUp(): Promise<void>
  /** Of the panes since the last step began. */
  panes(): Promise<SubscribersReport>
  stop(): Promise<void>
}

export async function startPipeline(): Promise<DrivenPipeline> {
  const server = await startBenchRedis()
  const { gateway, worker, stop } = await startBoth(server.url, CONFIG)
  const subscribers = await startSubscribers(gateway.port)
  const redis = await openBench(server.url)
  const lag = new ConsumerLag(server.url, PARTITIONS, 'sensor.reading')
  await lag.start()
  const cpu = async () => ({
    gateway: await cpuSeconds(gateway.pid),
    worker: await cpuSeconds(worker.pid),
    redis: await redisCpuSeconds(redis),
  })
  return {
    async drive(eventsPerSec, measureMs) {
      lag.take()
      subscribers.reset()
      const before = await cpu()
      const paced = { port: gateway.port, warmupMs: SETTLE_MS, measureMs, eventsPerSec, sequence: 'new' } as const
      const published = await publish({ ...LOAD, ...paced })
      const after = await cpu()
      const lags = lag.take()
      const events = (published.eventsPerSec * (SETTLE_MS + measureMs)) / 1_000
      const used = (process: keyof typeof after) =>
        Number((((after[process] - before[process]) / events) * 1e6).toFixed(2))
      return {
        ...published,
        lags,
        keptUp: published.eventsPerSec >= 0.97 * eventsPerSec && isSteady(lags),
        cpuUsPerEvent: { gateway: used('gateway'), worker: used('worker'), redis: used('redis') },
      }
    },
    async catchUp() {
      const deadline = performance.now() + CATCH_UP_MS
      do {
        lag.take()
        await setTimeout(1_500)
      } while (Math.max(...lag.take()) > KEPT_UP.medianMs && performance.now() < deadline)
    },
    panes: () => subscribers.report(),
    async stop() {
      lag.close()
      redis.disconnect()
      subscribers.stop()
      await stop()
      await server.close()
    },
  }
}

/** A lag that grows shows in the second half. One long commit is no backlog. */
function isSteady(lags: readonly number[]): boolean {
  const later = lags.slice(Math.floor(lags.length / 2))
  return percentile(later, 0.5) <= KEPT_UP.medianMs && Math.max(...later) <= KEPT_UP.mostMs
}

async function startSubscribers(port: number) {
  const child = startModule(new URL('./subscribers.ts', import.meta.url))
  const options = { port, subscribers: SUBSCRIBERS, keys: LOAD.keys, outOfOrdernessMs: OUT_OF_ORDERNESS_MS }
  await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`the subscribers ended with code ${code}`)))
    child.send(options)
  })
  return {
    reset: () => void child.send('reset'),
    report: () =>
      new Promise<SubscribersReport>((resolve) => {
        child.once('message', (report) => resolve(report as SubscribersReport))
        child.send('report')
      }),
    stop: () => void child.kill('SIGTERM'),
  }
}
