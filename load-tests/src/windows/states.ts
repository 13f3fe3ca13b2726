import { fileURLToPath } from 'node:url'
import type { WorkerReport } from '../../../server/src/bus/index.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { readWorkerReports } from '../../../server/src/bus/reports/worker-report.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { catchUp, openBench, until } from '../support/catch-up.ts'
import { residentBytes } from '../support/memory.ts'
import { startBenchRedis } from '../support/redis.ts'
import { prefill, READINGS } from './prefill.ts'

const SIZES = [100_000, 1_000_000]
/** Events that change states which are there, after they were made: their commits are the ones measured. */
const EVENTS = 200_000
const CONFIG = fileURLToPath(new URL('./states.config.ts', import.meta.url))

export const states: Benchmark = {
  description: 'One worker with 100,000 and with 1,000,000 open states of a window: memory, commits, restart',
  control: 'none: a hundred thousand states beside a million',
  notMeasured: 'gateway, subscribers; several workers would share the states; memory of Redis',
  async run(progress) {
    const figures: Record<string, number> = {}
    for (const size of SIZES) {
      const { rssMb, commitMs, loadSeconds } = await measure(size, progress)
      const label = `${size / 1_000}k`
      Object.assign(figures, {
        [`rssMb${label}`]: rssMb,
        [`commitMs${label}`]: commitMs,
        [`loadSeconds${label}`]: loadSeconds,
      })
    }
    return figures
  },
}

async function measure(size: number, progress: (message: string) => void) {
  const server = await startBenchRedis()
  try {
    progress(`${size} states`)
    await prefill(server.url, { events: size, keys: size, periodMs: 1_000 })
    const redis = await openBench(server.url)
    const first = await catchUp(redis, server.url, CONFIG, READINGS)
    const before = await report(redis)
    // The same keys again, one second later: no state is new.
    await prefill(server.url, { events: EVENTS, keys: size, periodMs: 1_000 })
    await until(async () => (await report(redis)).events >= size + EVENTS)
    const after = await report(redis)
    const rssMb = [await residentMb(first.worker.pid)]
    const ids = new Set((await readWorkerReports(redis)).keys())
    await first.worker.kill()
    const startedAt = performance.now()
    const second = await catchUp(redis, server.url, CONFIG, READINGS)
    await until(async () => (await report(redis, ids)).states >= size)
    const loadSeconds = Math.round((performance.now() - startedAt) / 100) / 10
    rssMb.push(await residentMb(second.worker.pid))
    await second.worker.stop()
    redis.disconnect()
    const commitMs = Math.round(((after.commitMs - before.commitMs) / (after.commits - before.commits)) * 10) / 10
    progress(
      `${size} states: ${rssMb.join(' and ')} MB, ${commitMs} ms a commit, ${loadSeconds} s from the kill until another worker has them`,
    )
    return { rssMb: Math.max(...rssMb), commitMs, loadSeconds }
  } finally {
    await server.close()
  }
}

/** The summed reports of the workers. */
async function report(redis: Redis, except: ReadonlySet<string> = new Set()) {
  const reports = [...(await readWorkerReports(redis))].flatMap(([id, each]) => (except.has(id) ? [] : [each]))
  const sum = (of: (report: WorkerReport) => number) => reports.reduce((total, each) => total + of(each), 0)
  return {
    events: sum(({ folded }) => folded.events),
    states: sum(({ partitions }) => Object.values(partitions).reduce((n, { openStates }) => n + openStates, 0)),
    commits: sum(({ commits }) => commits.ok ?? 0),
    commitMs: sum(({ commitMs }) => commitMs),
  }
}

const residentMb = async (pid: number) => Math.round((await residentBytes(pid)) / 1_048_576)
