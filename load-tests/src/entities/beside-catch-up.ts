import { fileURLToPath } from 'node:url'
import { keys } from '../../../server/src/bus/keys.ts'
import { logOf } from '../../../server/test/support/bus.ts'
import { openBench, until } from '../support/catch-up.ts'
import { startBoth } from '../support/gateway-and-worker.ts'
import { PARTITIONS } from '../support/log-filler.ts'
import { askModule } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { prefill, READINGS } from '../windows/prefill.ts'
import type { CommanderOptions, CommanderReport } from './commander.ts'

const CONFIG = fileURLToPath(new URL('./catch-up.config.ts', import.meta.url))
/** More than the worker folds while commands are measured. */
const EVENTS = 2_500_000
const LOAD = { sockets: 4, inFlight: 64, keys: 1_000, commandsPerSec: 500, warmupMs: 500, measureMs: 4_000 } as const

/** How long commands take while their worker catches up with a topic. */
export async function measureBesideCatchUp() {
  const redis = await startBenchRedis()
  const connection = await openBench(redis.url)
  try {
    await prefill(redis.url, { events: EVENTS, keys: 10_000, periodMs: 1_000 })
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const offsets = () => Promise.all(partitions.map((p) => connection.hget(keys.meta(p), 'offsets')))
    const ends = await Promise.all(
      partitions.map(async (p) => (await logOf(connection, p).heads([READINGS])).topics.get(READINGS)!.lastId),
    )
    const { gateway, stop } = await startBoth(redis.url, CONFIG)
    try {
      await until(async () => (await offsets()).some((text) => text?.includes(READINGS)))
      const report = await askModule<CommanderReport>(new URL('./commander.ts', import.meta.url), {
        ...LOAD,
        port: gateway.port,
      } satisfies CommanderOptions)
      const isBehind = (await offsets()).some((text, p) => text?.includes(`"${ends[p]}"`) !== true)
      // What was measured would be something else.
      if (!isBehind) throw new Error(`the worker caught up with ${EVENTS} events before the commands were measured`)
      return report
    } finally {
      await stop()
    }
  } finally {
    connection.disconnect()
    await redis.close()
  }
}
