import { type Running, withDeployment } from '../growth/deployment.ts'
import { BASE, type Point } from '../growth/point.ts'
import { topicName } from '../growth/topics.ts'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { ConsumerLag } from '../support/consumer-lag.ts'
import { type Sample, takeSample } from './samples.ts'
import { slopeOf } from './slope.ts'

/** Events live for a minute and windows for two seconds: from then on everything that comes replaces something. */
const WARM_UP_MS = 120_000
const SAMPLE_MS = 5_000
const MINUTE_MS = 60_000
export const LEAST_MINUTES = 3
const USUAL_MINUTES = 30

const LOAD: Point = { ...BASE, keys: 10_000, producers: 20, eventsPerFrame: 50, eventBytes: 150, subscribers: 10 }
/** Events a second that are tried, up until the worker falls behind. */
const RATES = [10_000, 20_000, 30_000, 40_000, 60_000, 80_000, 100_000, 120_000]
const RATE_MS = 4_000
const KEPT_UP_MS = 500

export interface SoakOptions {
  readonly minutes: number
  /** Absent: half of the rate with which the worker keeps up. */
  readonly eventsPerSec?: number | undefined
}

export const soak: Benchmark = soakOf({ minutes: USUAL_MINUTES })

export function soakOf({ minutes, eventsPerSec }: SoakOptions): Benchmark {
  return {
    description: `${minutes} minutes at half load: how heap, memory, handles, open files and the memory of Redis move`,
    control: 'none: each figure is compared with itself earlier in the run',
    notMeasured: 'days; clients that come and go, slow clients and faults: npm run endurance, npm run chaos',
    run: (progress) =>
      withDeployment(LOAD, async (running) => {
        const rate = eventsPerSec ?? (await findPeak(running, progress)) / 2
        await running.open()
        progress(`${rate} events/s for ${minutes} minutes`)
        const [published, samples] = await Promise.all([
          publishFor(minutes, rate, running, progress),
          sampleUntil(minutes, running, progress),
        ])
        return { eventsPerSec: rate, ...published, ...account(samples) }
      }),
  }
}

/** Minute by minute: after one with refused frames, producers are opened anew, since a raw one resends nothing. */
async function publishFor(
  minutes: number,
  rate: number,
  running: Running,
  progress: (line: string) => void,
): Promise<Record<string, Figures>> {
  const total = { sentEvents: 0, ackedEvents: 0 }
  const refusedFrames: Record<string, number> = {}
  for (let minute = 0; minute < minutes; minute++) {
    const report = await running.publish(MINUTE_MS, rate)
    total.sentEvents += report.sentEvents
    total.ackedEvents += report.ackedEvents
    for (const [code, frames] of Object.entries(report.refusedFrames))
      refusedFrames[code] = (refusedFrames[code] ?? 0) + frames
    if (report.ackedEvents === report.sentEvents) continue
    const missing = report.sentEvents - report.ackedEvents
    progress(`${missing} events of a minute were not acknowledged: ${JSON.stringify(report.refusedFrames)}`)
    await running.open()
  }
  return { ...total, refusedFrames }
}

/** Samples from the end of the warm-up until the run is over. */
async function sampleUntil(minutes: number, running: Running, progress: (line: string) => void): Promise<Sample[]> {
  const startedAt = performance.now()
  const samples: Sample[] = []
  await pause(WARM_UP_MS)
  while (performance.now() < startedAt + minutes * MINUTE_MS) {
    const sample = await takeSample(running)
    samples.push(sample)
    const elapsed = ((performance.now() - startedAt) / MINUTE_MS).toFixed(1)
    const figures = Object.entries(sample).map(([name, value]) => `${name} ${Math.round(value)}`)
    progress(`${elapsed} of ${minutes} min: ${figures.join(', ')}`)
    await pause(SAMPLE_MS)
  }
  return samples
}

function account(samples: readonly Sample[]): Record<string, Figures> {
  const hours = ((samples.length - 1) * SAMPLE_MS) / 3_600_000
  const courses = Object.keys(samples[0]!).map(
    (name) => [name, samples.map((sample) => rounded(sample[name]!))] as const,
  )
  const slopes = courses.map(([name, course]) => {
    const { mean, perHour, errorPerHour, verdict } = slopeOf(course, hours)
    return [name, { mean: rounded(mean), perHour: rounded(perHour), errorPerHour: rounded(errorPerHour), verdict }]
  })
  return { sampleSeconds: SAMPLE_MS / 1_000, slopes: Object.fromEntries(slopes), samples: Object.fromEntries(courses) }
}

/** The rate up to which the worker keeps up. */
async function findPeak(running: Running, progress: (line: string) => void): Promise<number> {
  const lag = new ConsumerLag(running.redisUrl, LOAD.partitions, topicName(0))
  await lag.start()
  let peak = RATES[0]!
  try {
    for (const rate of RATES) {
      await running.open()
      lag.take()
      const { sentEvents, ackedEvents } = await running.publish(RATE_MS, rate)
      const keptUp = ackedEvents === sentEvents && Math.max(...lag.take().slice(-2)) <= KEPT_UP_MS
      progress(`${rate} events/s: ${keptUp ? 'kept up' : 'fell behind'}`)
      if (!keptUp) break
      peak = rate
    }
  } finally {
    lag.close()
  }
  return peak
}

const rounded = (value: number) => Math.round(value * 100) / 100
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
