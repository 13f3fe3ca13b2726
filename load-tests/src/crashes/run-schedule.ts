import { setTimeout as pause } from 'node:timers/promises'
import { openCommandConnection, openTopology, partitionOf, untilReady } from '../../../server/src/bus/index.ts'
import { createRandom } from '../support/random.ts'
import { startBenchRedis } from '../support/redis.ts'
import { DISTURBANCES } from './disturbances.ts'
import { LogWriter } from './log-writer.ts'
import { recompute } from './oracle.ts'
import { createReadings, type Reading } from './reading.ts'
import { findFaults, readBatches } from './results.ts'
import { Workers } from './workers.ts'

const PARTITIONS = 8
const READINGS = 12_000
const BATCH = 60
/** Between two appends: all of them take about three seconds. */
const WRITE_EVERY_MS = 15
const DISTURBANCES_MIN = 3
const DISTURBANCES_MAX = 6
/** Long after all readings: it closes what is open. */
const SENTINEL_AFTER_MS = 3_600_000
const DRAIN_DEADLINE_MS = 40_000
const HOUR_MS = 3_600_000

export interface ScheduleReport {
  readonly seed: number
  readonly readings: number
  readonly panes: number
  readonly late: number
  readonly disturbances: readonly string[]
  /** Empty when everything is as computed. */
  readonly faults: readonly string[]
  readonly seconds: number
}

/** One seeded schedule on a Redis and two workers of its own: readings, disturbances, and what came of it against the oracle. */
export async function runSchedule(seed: number): Promise<ScheduleReport> {
  const startedAt = performance.now()
  const random = createRandom(seed)
  const server = await startBenchRedis()
  const redis = openCommandConnection(server.url, 'crashes')
  const workers = new Workers(server.url)
  try {
    await untilReady(redis, 5_000)
    await openTopology(redis, PARTITIONS)
    await workers.start(2)
    const from = (Math.floor(Date.now() / HOUR_MS) - 3) * HOUR_MS
    const readings = createReadings(random, READINGS, from)
    const writer = new LogWriter(redis, PARTITIONS)
    const plan = planDisturbances(random)
    const stage = { server, redis, workers, random, beside: [] as Promise<unknown>[] }
    for (let written = 0; written < readings.length; written += BATCH) {
      await writer.write(readings.slice(written, written + BATCH))
      for (const name of plan.get(written) ?? []) await DISTURBANCES[name]!(stage)
      await pause(WRITE_EVERY_MS)
    }
    await writer.write(sentinels(from + SENTINEL_AFTER_MS))
    await Promise.all(stage.beside)
    const logs = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, p) => readLog(redis, p, from + SENTINEL_AFTER_MS)),
    )
    const expected = recompute(logs)
    const deadline = performance.now() + DRAIN_DEADLINE_MS
    const faults = () => findFaults(redis, PARTITIONS, expected, from + SENTINEL_AFTER_MS - HOUR_MS / 2)
    let left = await faults()
    while (left.length > 0 && performance.now() < deadline) {
      await pause(250)
      left = await faults()
    }
    // What was stored twice may come later than what was missing.
    await pause(500)
    return {
      seed,
      readings: logs.flat(2).length,
      panes: Object.values(expected.panes).reduce((sum, panes) => sum + panes.size, 0),
      late: expected.ids['crash.tumbling.late']!.size,
      disturbances: [...plan.values()].flat(),
      faults: await faults(),
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    }
  } finally {
    await workers.killAll()
    redis.disconnect()
    await server.close()
  }
}

/** Which disturbances come after how many readings. */
function planDisturbances(random: () => number): Map<number, string[]> {
  const names = Object.keys(DISTURBANCES)
  const count = DISTURBANCES_MIN + Math.floor(random() * (DISTURBANCES_MAX - DISTURBANCES_MIN + 1))
  const plan = new Map<number, string[]>()
  for (let i = 0; i < count; i++) {
    const at = Math.floor((random() * READINGS) / BATCH) * BATCH
    const name = names[Math.floor(random() * names.length)]!
    plan.set(at, [...(plan.get(at) ?? []), name])
  }
  return plan
}

/** One for each partition. */
function sentinels(time: number): Reading[] {
  const found = new Map<number, Reading>()
  for (let i = 0; found.size < PARTITIONS; i++) {
    const sensor = `end-${i}`
    const partition = partitionOf(sensor, PARTITIONS)
    if (!found.has(partition)) found.set(partition, { id: sensor, sensor, site: 'end', time, v: 0 })
  }
  return [...found.values()]
}

/** The readings of a partition as they lie in its log, batch by batch, without the sentinel. */
async function readLog(
  redis: Parameters<typeof readBatches>[0],
  partition: number,
  before: number,
): Promise<Reading[][]> {
  const batches = await readBatches(redis, partition, 'crash.reading')
  return batches
    .map((batch) =>
      batch
        .filter(({ time }) => time < before)
        .map(({ id, time, data }) => ({ id, time, ...(data as Omit<Reading, 'id' | 'time'>) })),
    )
    .filter((batch) => batch.length > 0)
}
