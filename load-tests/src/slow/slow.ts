import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from '../support/benchmark.ts'
import { residentBytes } from '../support/memory.ts'
import { megabytes, Peaks } from '../support/peaks.ts'
import { ask, type ServerProcess, startModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { ClientsReport, Command } from './clients.ts'
import { SteadyPublisher } from './publisher.ts'

const SUBSCRIBERS = 2_000
const STALLED = 200
const STALL_MS = 60_000
const BASELINE_MS = 20_000
const WARM_UP_MS = 3_000
/** Events a second that are tried, up until subscribers get less than is published. */
const RATES = [50, 100, 200, 300, 400, 500, 600, 800, 1_000]
const RATE_MS = 4_000
const KEPT_UP = 0.95
const CATCH_UP_DEADLINE_MS = 60_000

const CREDITLESS = 5_000
const CREDITLESS_PER_SEC = 50
const CREDITLESS_MS = 40_000

export const slow: Benchmark = {
  description:
    '2,000 subscribers at half of the fan-out peak, then 200 of them stop reading for a minute; 5,000 that never send credit',
  control: 'the same subscribers while nobody stalls',
  notMeasured: 'networks other than loopback; publisher, gateway, Redis and subscribers share the cores',
  async run(progress) {
    const stalled = await withGateway((gateway) => stall(gateway, progress))
    const creditless = await withGateway((gateway) => withholdCredit(gateway, progress))
    return { ...stalled, creditless }
  },
}

async function stall(gateway: ServerProcess, progress: (line: string) => void) {
  const { tell, stop } = startClients()
  const publisher = new SteadyPublisher(gateway.port)
  try {
    await tell({ do: 'open', port: gateway.port, count: SUBSCRIBERS, confirm: true })
    const peak = await findPeak(publisher, tell, progress)
    publisher.perSecond = peak / SUBSCRIBERS / 2
    await pause(WARM_UP_MS)
    await tell({ do: 'restart' })
    await pause(BASELINE_MS)
    const baseline = await tell({ do: 'report' })
    progress(`nobody stalled: p50 ${baseline.p50Ms} ms, p99 ${baseline.p99Ms} ms`)
    const rssBefore = await residentBytes(gateway.pid)
    const peaks = new Peaks([gateway.pid])
    await tell({ do: 'stall', count: STALLED })
    await tell({ do: 'restart' })
    await pause(STALL_MS)
    const healthy = await tell({ do: 'report' })
    const memory = peaks.stop()
    progress(`${STALLED} stalled: p50 ${healthy.p50Ms} ms, p99 ${healthy.p99Ms} ms, ${memory.rssPeakMb} MB`)
    await tell({ do: 'wake' })
    await publisher.stop()
    const end = await caughtUp(publisher.published, tell)
    return {
      subscribers: SUBSCRIBERS,
      stalled: STALLED,
      peakDeliveriesPerSec: peak,
      baselineP50Ms: baseline.p50Ms,
      baselineP99Ms: baseline.p99Ms,
      healthyP50Ms: healthy.p50Ms,
      healthyP99Ms: healthy.p99Ms,
      ratio: Math.round((healthy.p99Ms / baseline.p99Ms) * 100) / 100,
      rssBeforeMb: megabytes(rssBefore),
      ...memory,
      published: publisher.published,
      delivered: end.delivered,
      withheld: end.withheld,
      unaccounted: Math.max(publisher.published - end.least, end.most - publisher.published),
    }
  } finally {
    await publisher.close()
    stop()
  }
}

/** Events a second, over all subscribers, beyond which they get less than is published. */
async function findPeak(
  publisher: SteadyPublisher,
  tell: (command: Command) => Promise<ClientsReport>,
  progress: (line: string) => void,
): Promise<number> {
  let peak = 0
  for (const rate of RATES) {
    publisher.perSecond = rate
    await pause(RATE_MS / 4)
    const [before, startedAt] = [await tell({ do: 'report' }), performance.now()]
    await pause(RATE_MS)
    const after = await tell({ do: 'report' })
    const reached = Math.round((after.delivered - before.delivered) / ((performance.now() - startedAt) / 1_000))
    progress(`${rate} events/s: ${reached} deliveries/s of ${rate * SUBSCRIBERS}`)
    peak = Math.max(peak, reached)
    if (reached < KEPT_UP * rate * SUBSCRIBERS) break
  }
  await publisher.stop()
  await caughtUp(publisher.published, tell)
  return peak
}

async function withholdCredit(gateway: ServerProcess, progress: (line: string) => void) {
  const { tell, stop } = startClients()
  const publisher = new SteadyPublisher(gateway.port)
  try {
    await tell({ do: 'open', port: gateway.port, count: CREDITLESS, confirm: false })
    const peaks = new Peaks([gateway.pid])
    publisher.perSecond = CREDITLESS_PER_SEC
    await pause(CREDITLESS_MS)
    await publisher.stop()
    const memory = peaks.stop()
    progress(`${CREDITLESS} without credit: ${memory.rssPeakMb} MB, kernel ${memory.kernelSocketMb} MB`)
    return { clients: CREDITLESS, published: publisher.published, ...memory }
  } finally {
    await publisher.close()
    stop()
  }
}

/** Waits until every event was delivered or reported to every client, at most this long. */
async function caughtUp(published: number, tell: (command: Command) => Promise<ClientsReport>): Promise<ClientsReport> {
  const deadline = performance.now() + CATCH_UP_DEADLINE_MS
  for (;;) {
    const report = await tell({ do: 'report' })
    if (report.least >= published || performance.now() > deadline) return report
    await pause(250)
  }
}

function startClients(): { tell(command: Command): Promise<ClientsReport>; stop(): void } {
  const child: ChildProcess = startModule(new URL('./clients.ts', import.meta.url))
  return { tell: (command) => ask(child, command), stop: () => child.kill('SIGKILL') }
}

async function withGateway<T>(use: (gateway: ServerProcess) => Promise<T>): Promise<T> {
  const redis = await startBenchRedis()
  const config = fileURLToPath(new URL('./slow.config.ts', import.meta.url))
  const gateway = await startTidegate(['gateway', '--port', '0', '--config', config], { REDIS_URL: redis.url })
  try {
    return await use(gateway)
  } finally {
    await gateway.stop()
    await redis.close()
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
