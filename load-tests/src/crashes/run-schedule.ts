import { setTimeout as pause } from 'node:timers/promises'
import { openTopology } from '../../../server/src/bus/contract/topology.ts'
import { BusUnavailable, partitionOf } from '../../../server/src/bus/index.ts'
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { isAllOwned } from '../support/owners.ts'
import { createRandom } from '../support/random.ts'
import { RedisProcess } from '../support/redis-process.ts'
import { DISTURBANCES, noHits, type Stage } from './disturbances.ts'
import { Evidence } from './evidence.ts'
import { LogWriter } from './log-writer.ts'
import { recompute } from './oracle.ts'
import { createReadings, type Reading } from './reading.ts'
import { type Fault, findFaults, readBatches } from './results.ts'
import { broken, type ScheduleReport } from './schedule-report.ts'
import { TallyCommands } from './tally-commands.ts'
import { findTallyFaults } from './tally-faults.ts'
import { Workers } from './workers.ts'

const PARTITIONS = 8
const BATCH = 60
const WRITE_EVERY_MS = 15
/** Batches over which disturbances are spread. Writing continues until all of them happened. */
const PLANNED_BATCHES = 150
/** Batches after the last of them. */
const MORE_BATCHES = 20
const DISTURBANCES_MIN = 3
const DISTURBANCES_MAX = 5
const PATIENT_SHARE = 0.75
/** Longer than a worker takes to start and to take over. */
const PATIENCE_MS = 5_000
const READINGS_SALT = 0x5eed
/** Long after all readings: it closes what is open. */
const SENTINEL_AFTER_MS = 3_600_000
const DRAIN_DEADLINE_MS = 40_000
const POLL_MS = 250
const DUPLICATE_WAIT_MS = 500
const HOUR_MS = 3_600_000
const SENTINEL = 'end-'

/**
 * One seeded schedule on a Redis and two workers of its own: readings, disturbances, and the comparison with the
 * oracle. One that breaks off has that as its fault.
 */
export async function runSchedule(seed: number): Promise<ScheduleReport> {
  const startedAt = performance.now()
  const server = await RedisProcess.start({ fsync: 'everysec', isOwn: true })
  const evidence = new Evidence(seed)
  try {
    const run: Run = await runOn(server, evidence, seed).catch((error: Error) => broken(seed, error))
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    if (run.faults.length > 0) return { ...run, seconds, evidence: await evidence.keep(server) }
    await evidence.discard()
    return { ...run, seconds }
  } finally {
    evidence.close()
    await server.close()
  }
}

type Run = Omit<ScheduleReport, 'seconds' | 'evidence'>

async function runOn(server: RedisProcess, evidence: Evidence, seed: number): Promise<Run> {
  const random = createRandom(seed)
  const redis = openCommandConnection(server.url, 'crashes')
  const workers = new Workers(server.url, (node) => evidence.fileFor(node))
  try {
    await untilReady(redis, 5_000)
    await openTopology(() => redis, PARTITIONS)
    await workers.start(2)
    const from = (Math.floor(Date.now() / HOUR_MS) - 3) * HOUR_MS
    const plan = planDisturbances(random)
    const hits = noHits()
    const writer = new LogWriter(redis, PARTITIONS)
    const stage: Stage = { server, redis, partitions: PARTITIONS, workers, writer, random, beside: [], hits }
    // Readings have a sequence of their own: how many there are depends on how long things take.
    await writeWhileDisturbed(stage, plan, createReadings(createRandom(seed ^ READINGS_SALT), from))
    await writer.write(sentinels(from + SENTINEL_AFTER_MS))
    await Promise.all(stage.beside)
    const read = (p: number) => answered(() => readLog(redis, p, from + SENTINEL_AFTER_MS))
    const logs = await Promise.all(Array.from({ length: PARTITIONS }, (_, p) => read(p)))
    const expected = recompute(logs)
    const deadline = performance.now() + DRAIN_DEADLINE_MS
    const look = () =>
      Promise.all([
        findFaults(redis, PARTITIONS, expected, from + SENTINEL_AFTER_MS - HOUR_MS / 2),
        findTallyFaults(redis, PARTITIONS),
      ])
    const compare = async () => {
      const [results, tallies] = await answered(look)
      const { commands, reactions } = tallies
      return { ...results, commands, reactions, faults: [...results.faults, ...tallies.faults] }
    }
    while ((await compare()).faults.length > 0 && performance.now() < deadline) await pause(POLL_MS)
    // What was stored twice may come later than what was missing.
    await pause(DUPLICATE_WAIT_MS)
    const { faults, panes, commands, reactions } = await compare()
    hits.lostTails = writer.lostTails
    const lost = logs.flatMap((log, p) => lostInSilence(log, writer.acknowledged(p)))
    const ended = workers.ended().map((node) => ({ kind: 'wrong', what: `worker ${node} ended by itself` }) as const)
    return {
      seed,
      events: logs.flat(2).length,
      panes,
      commands,
      reactions,
      late: expected.ids['crash.tumbling.late']!.size,
      disturbances: plan.map(({ name }) => name),
      hits,
      faults: [...faults, ...lost, ...ended],
    }
  } finally {
    await workers.killAll()
    redis.disconnect()
  }
}

async function writeWhileDisturbed(
  stage: Stage,
  plan: readonly Planned[],
  readings: Generator<Reading, never>,
): Promise<void> {
  const { redis, writer, random } = stage
  const commands = new TallyCommands(writer, PARTITIONS, random)
  const writeBatch = async () => {
    await Promise.all([writer.write(Array.from({ length: BATCH }, () => readings.next().value)), commands.write()])
    await pause(WRITE_EVERY_MS)
  }
  let batches = 0
  for (const { after, isPatient, name } of plan) {
    const patience = performance.now() + PATIENCE_MS
    const isTooSoon = async () => performance.now() < patience && !(await isAllOwned(redis, PARTITIONS))
    for (; batches < after || (isPatient && (await isTooSoon())); batches++) await writeBatch()
    await DISTURBANCES[name]!(stage)
  }
  for (let more = 0; more < MORE_BATCHES; more++) await writeBatch()
  writer.endSilence()
}

/** Looks again where Redis does not answer: a busy machine, and not a fault of what is looked at. @throws BusUnavailable at last */
async function answered<T>(look: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + DRAIN_DEADLINE_MS; ; await pause(POLL_MS)) {
    try {
      return await look()
    } catch (error) {
      if (!(error instanceof BusUnavailable) || performance.now() > deadline) throw error
    }
  }
}

/** Acknowledged events missing in a log whose epoch is unchanged. */
function lostInSilence(log: readonly (readonly Reading[])[], acknowledged: readonly string[]): Fault[] {
  const present = new Set(log.flat().map(({ id }) => id))
  const lost = acknowledged.filter((id) => !present.has(id) && !id.startsWith(SENTINEL))
  return lost.map((id) => ({ kind: 'lost', what: `crash.reading: ${id} is gone under the epoch that acknowledged it` }))
}

interface Planned {
  readonly name: string
  /** Batches written before. */
  readonly after: number
  /** Waits until all partitions have an owner again: a disturbance on top of another often has no effect. */
  readonly isPatient: boolean
}

function planDisturbances(random: () => number): Planned[] {
  const names = Object.keys(DISTURBANCES)
  const count = DISTURBANCES_MIN + Math.floor(random() * (DISTURBANCES_MAX - DISTURBANCES_MIN + 1))
  return Array.from({ length: count }, (_, i) => ({
    name: names[Math.floor(random() * names.length)]!,
    after: Math.floor(((i + random()) / count) * PLANNED_BATCHES),
    isPatient: random() < PATIENT_SHARE,
  }))
}

/** One for each partition. */
function sentinels(time: number): Reading[] {
  const found = new Map<number, Reading>()
  for (let i = 0; found.size < PARTITIONS; i++) {
    const sensor = `${SENTINEL}${i}`
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
