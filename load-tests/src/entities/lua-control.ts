/** Control of `bench entities`: a Lua check-and-append for each command, as ioredis pipelines them. Nobody decides anything. */
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { percentile } from '../support/percentile.ts'

export interface LuaControlOptions {
  readonly redisUrl: string
  readonly inFlight: number
  readonly keys: number
  readonly measureMs: number
}

export interface LuaControlReport {
  readonly commandsPerSec: number
  readonly p50Ms: number
}

const SCRIPT = `if redis.call('LLEN', KEYS[1]) < tonumber(ARGV[1]) then return -1 end
return redis.call('RPUSH', KEYS[1], ARGV[2])`
const EVENT = JSON.stringify({ e: 'deposited', v: 1, d: { amount: 1 }, t: 1_732_350_000_000, c: 'x'.repeat(40) })

async function run({ redisUrl, inFlight, keys, measureMs }: LuaControlOptions): Promise<LuaControlReport> {
  const redis = openCommandConnection(redisUrl, 'bench-control')
  await untilReady(redis, 5_000)
  const sha = (await redis.script('LOAD', SCRIPT)) as string
  const latencies: number[] = []
  const until = performance.now() + measureMs
  const one = async () => {
    while (performance.now() < until) {
      const startedAt = performance.now()
      await redis.evalsha(sha, 1, `control:${Math.floor(Math.random() * keys)}`, 0, EVENT)
      latencies.push(performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  redis.disconnect()
  return {
    commandsPerSec: Math.round(latencies.length / (measureMs / 1_000)),
    p50Ms: percentile(latencies, 0.5),
  }
}

process.once('message', (options: LuaControlOptions) => {
  void run(options).then((report) => process.send!(report, () => process.exit(0)))
})
