import { fileURLToPath } from 'node:url'
import { measureControl, publish } from '../ingest/ingest.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { ConsumerLag } from '../support/consumer-lag.ts'
import { startModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { SubscribersReport } from './subscribers.ts'

const PARTITIONS = 8
const CONFIG = fileURLToPath(new URL('./pipeline.config.ts', import.meta.url))
const LOAD = { sockets: 4, eventsPerFrame: 100, keys: 10_000 } as const
const SUBSCRIBERS = 100
const OUT_OF_ORDERNESS_MS = 2_000
/** Rates tried, as shares of the control: up until the worker falls behind. */
const STEPS = [0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.22]
const STEP_MS = 8_000
const CONFIRM_MS = 30_000
/** A step is kept up with while the worker is never further behind than this at its end. */
const KEPT_UP_MS = 500

export const pipeline: Benchmark = {
  description:
    'Events per second through gateway, worker and 100 subscribers while the worker keeps up, and how late panes come',
  control: 'uWebSockets.js and JSON.parse alone on the same frames: nothing is stored, folded or delivered',
  notMeasured:
    'entities; networks other than loopback; publisher, subscribers, gateway, worker and Redis share the cores',
  async run(progress) {
    progress('control: uWebSockets.js + JSON.parse')
    const control = await measureControl()
    progress(`control ${control.eventsPerSec} events/s`)
    const redis = await startBenchRedis()
    const env = { REDIS_URL: redis.url }
    const gateway = await startTidegate(['gateway', '--config', CONFIG, '--port', '0'], env)
    const worker = await startTidegate(['worker', '--config', CONFIG], env)
    const subscribers = await startSubscribers(gateway.port)
    const lag = new ConsumerLag(redis.url, PARTITIONS, 'sensor.reading')
    await lag.start()
    const drive = async (eventsPerSec: number, measureMs: number) => {
      lag.take()
      subscribers.reset()
      const sent = await publish({ ...LOAD, port: gateway.port, warmupMs: 0, measureMs, eventsPerSec, sequence: 'new' })
      const samples = lag.take()
      const keptUp = Math.max(...samples.slice(-4)) <= KEPT_UP_MS && sent.eventsPerSec >= 0.97 * eventsPerSec
      return { ...sent, samples, keptUp }
    }
    try {
      let rate = STEPS[0]! * control.eventsPerSec
      for (const step of STEPS) {
        const tried = Math.round(step * control.eventsPerSec)
        const { keptUp, samples } = await drive(tried, STEP_MS)
        progress(`${tried} events/s: ${keptUp ? 'kept up' : 'fell behind'}, lag ${samples.slice(-1)} ms`)
        if (!keptUp) break
        rate = tried
      }
      let confirmed = await drive(rate, CONFIRM_MS)
      while (!confirmed.keptUp && rate > 1_000) {
        rate *= 0.85
        progress(
          `not over ${CONFIRM_MS} ms (sent ${confirmed.eventsPerSec}, lag ${confirmed.samples}); trying ${Math.round(rate)} events/s`,
        )
        confirmed = await drive(rate, CONFIRM_MS)
      }
      const seen = await subscribers.report()
      return {
        eventsPerSec: confirmed.eventsPerSec,
        windowLagP99Ms: seen.windowLagP99Ms,
        controlEventsPerSec: control.eventsPerSec,
        ratio: Math.round((confirmed.eventsPerSec / control.eventsPerSec) * 100) / 100,
        windowLagP50Ms: seen.windowLagP50Ms,
        ackP99Ms: Math.round(confirmed.ackP99Ms),
        consumerLagMaxMs: Math.max(...confirmed.samples),
        panes: seen.panes,
        gaps: seen.gaps,
      }
    } finally {
      lag.close()
      subscribers.stop()
      await Promise.all([gateway.stop(), worker.stop()])
      await redis.close()
    }
  },
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
