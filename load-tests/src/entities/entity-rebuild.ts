import { fileURLToPath } from 'node:url'
import { entityHash, trailList } from '../../../server/src/bus/entities/entity-name.ts'
import { BUILT_HASH, partitionOf } from '../../../server/src/bus/index.ts'
import { keys } from '../../../server/src/bus/keys.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { type Built, encodeRecord, encodeTrailEntry } from '../../../server/src/entities/index.ts'
import { entitiesOf } from '../../../server/test/support/bus.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { openBench, until } from '../support/catch-up.ts'
import { PARTITIONS } from '../support/log-filler.ts'
import { askModule, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { CommanderOptions, CommanderReport } from './commander.ts'

const CONFIG = fileURLToPath(new URL('./entities.config.ts', import.meta.url))
const ENTITIES = 100_000
const EVENTS = 10
const IN_PIPELINE = 5_000
/** Of keys that are rebuilt as well. */
const LOAD = { sockets: 4, inFlight: 64, keys: 1_000, commandsPerSec: 500, warmupMs: 500, measureMs: 4_000 } as const

export const entityRebuild: Benchmark = {
  description: `How fast a worker rebuilds ${ENTITIES} entities of ${EVENTS} events, and how long commands take meanwhile`,
  control: 'none: how long commands take is compared with a worker that rebuilds nothing',
  notMeasured: 'indexes and published states; several workers; larger states',
  async run(progress) {
    const redis = await startBenchRedis()
    const environment = { REDIS_URL: redis.url, TIDEGATE_LOG_LEVEL: 'warn', TIDEGATE_PARTITIONS: `${PARTITIONS}` }
    const closing: (() => unknown)[] = [() => redis.close()]
    const start = async (...args: readonly string[]) => {
      const started = await startTidegate([...args, '--config', CONFIG], environment)
      closing.push(() => started.stop())
      return started
    }
    try {
      const connection = await openBench(redis.url)
      closing.push(() => connection.disconnect())
      const gateway = await start('gateway', '--port', '0')
      const command = () =>
        askModule<CommanderReport>(new URL('./commander.ts', import.meta.url), {
          ...LOAD,
          port: gateway.port,
        } satisfies CommanderOptions)
      progress('states of an earlier definition, rebuilt with nothing else to do')
      await fill(connection, true)
      const first = await start('worker')
      const alone = await entitiesPerSec(connection)
      progress('commands with nothing to rebuild')
      const idle = await command()
      await first.stop()
      progress('the same states again, rebuilt beside commands')
      await fill(connection, false)
      await start('worker')
      const [beside, busy] = await Promise.all([entitiesPerSec(connection), command()])
      return { entitiesPerSec: alone, besideCommandsPerSec: beside, p99Ms: idle.p99Ms, besideP99Ms: busy.p99Ms }
    } finally {
      for (const close of closing.reverse()) await close()
    }
  },
}

/** Stores what an earlier definition has left of every entity. @param isNew whether the trails are not there yet */
async function fill(redis: Redis, isNew: boolean): Promise<void> {
  const entry = { type: 'deposited', definition: 0, data: { amount: 1 }, time: 1, commandId: 'c-before' }
  const trail = Array.from({ length: EVENTS }, () => encodeTrailEntry(entry))
  for (let from = 0; from < ENTITIES; from += IN_PIPELINE) {
    const pipeline = redis.pipeline()
    for (let n = from; n < from + IN_PIPELINE; n++) {
      const key = `account-${n}`
      const partition = partitionOf(key, PARTITIONS)
      const list = keys.owned(partition, trailList('account', key))
      if (isNew) pipeline.rpush(list, ...trail)
      else pipeline.ltrim(list, 0, EVENTS - 1)
      const record = { version: EVENTS, time: 1, definition: 0, state: { balance: 0 }, indexed: {} }
      pipeline.hset(keys.owned(partition, entityHash('account')), key, encodeRecord(record))
    }
    await pipeline.exec()
  }
  // By what they were stored before is not known: their owners look at all of them.
  await redis.unlink(...Array.from({ length: PARTITIONS }, (_, p) => keys.owned(p, BUILT_HASH)))
}

/** From the first entity that was looked at until the last one. */
async function entitiesPerSec(redis: Redis): Promise<number> {
  const all = async () => {
    const texts = await Promise.all(Array.from({ length: PARTITIONS }, (_, p) => entitiesOf(redis, p).built('account')))
    return texts.map((text) => (text === undefined ? undefined : (JSON.parse(text) as Built)))
  }
  await until(async () => (await all()).some((built) => (built?.seen ?? 0) > 0))
  const startedAt = performance.now()
  await until(async () => (await all()).every((built) => built?.isDone === true))
  const seen = (await all()).reduce((sum, built) => sum + (built?.written ?? 0), 0)
  if (seen < ENTITIES) throw new Error(`only ${seen} of ${ENTITIES} entities were written`)
  return Math.round(ENTITIES / ((performance.now() - startedAt) / 1_000))
}
