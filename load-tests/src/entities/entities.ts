import { fileURLToPath } from 'node:url'
import type { Benchmark } from '../support/benchmark.ts'
import { openBench } from '../support/catch-up.ts'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { PARTITIONS } from '../support/log-filler.ts'
import { untilShared } from '../support/owners.ts'
import { percentile } from '../support/percentile.ts'
import { askModule, type ServerProcess, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { measureBesideCatchUp } from './beside-catch-up.ts'
import type { CommanderOptions, CommanderReport } from './commander.ts'
import { sendEndless } from './endless.ts'
import type { LuaControlOptions, LuaControlReport } from './lua-control.ts'
import { measureTakeover } from './takeover.ts'

const CONFIG = fileURLToPath(new URL('./entities.config.ts', import.meta.url))
const LOAD = { sockets: 4, inFlight: 64, keys: 1_000 } as const
/** Controls and Tidegate take turns, each figure is the median of its rounds: these machines drift within a minute. */
const ROUNDS = 3
/** V8 compiles what is hot for so long, beside the load: meanwhile a command takes gateway and worker a quarter more. */
const WARM_UP = { warmupMs: 0, measureMs: 20_000 } as const
const ROUND = { warmupMs: 1_500, measureMs: 3_000 } as const
const LATENCY = { warmupMs: 1_500, measureMs: 6_000 } as const
const BESIDE_ENDLESS = { commandsPerSec: 300, warmupMs: 1_000, measureMs: 5_000 } as const
const ALONE = { sockets: 1, inFlight: 1, warmupMs: 1_000, measureMs: 3_000 } as const

export const entities: Benchmark = {
  description:
    'Commands per second through gateway and worker, beside a Lua check-and-append each, and a gateway that decides itself',
  control:
    'a Lua script that checks a version and appends, called once for each command; and a gateway that decides commands itself, without a log',
  notMeasured:
    'networks other than loopback, several workers but for the takeover, the first 20 s of gateway and worker under load; clients, gateway, worker and Redis share the cores',
  async run(progress) {
    const deployment = await startGatewayAndWorker(CONFIG)
    const { redisUrl, gateway, worker } = deployment
    const environment = { REDIS_URL: redisUrl, TIDEGATE_LOG_LEVEL: 'warn' }
    const fair = await startFair(redisUrl)
    const send = (options: Omit<CommanderOptions, 'port'>) => command({ ...options, port: gateway.port })
    try {
      const rates = { lua: [] as number[], fair: [] as number[], tidegate: [] as number[] }
      let rejected = 0
      progress('warm-up')
      await send({ ...LOAD, ...WARM_UP })
      for (let round = 1; round <= ROUNDS; round++) {
        const inFlight = LOAD.sockets * LOAD.inFlight
        const lua = await appendByLua({ redisUrl, inFlight, keys: LOAD.keys, measureMs: ROUND.measureMs })
        const decided = await command({ ...LOAD, ...ROUND, port: fair.port })
        const peak = await send({ ...LOAD, ...ROUND })
        progress(
          `round ${round} of ${ROUNDS}: ${peak.commandsPerSec} commands/s, Lua ${lua.commandsPerSec}, gateway decides ${decided.commandsPerSec}`,
        )
        rates.lua.push(lua.commandsPerSec)
        rates.fair.push(decided.commandsPerSec)
        rates.tidegate.push(peak.commandsPerSec)
        rejected += peak.rejected
      }
      const peak = percentile(rates.tidegate, 0.5)
      const [lua, decided] = [percentile(rates.lua, 0.5), percentile(rates.fair, 0.5)]
      progress(`latency at ${Math.round(peak / 2)} commands/s`)
      const half = await send({ ...LOAD, ...LATENCY, commandsPerSec: peak / 2 })
      progress('one client that waits for each answer')
      const alone = await send({ ...ALONE, keys: LOAD.keys })
      const oneKey = await send({ ...ALONE, keys: 1 })
      progress('beside a handler that never returns, once a second')
      const besideEndless = send({ ...LOAD, ...BESIDE_ENDLESS })
      const endless = await sendEndless(gateway.port, besideEndless)
      const neighbours = await besideEndless
      progress('one of two workers is killed')
      const other = await startTidegate(['worker', '--config', CONFIG], environment)
      const connection = await openBench(redisUrl)
      await untilShared(connection, PARTITIONS)
      connection.disconnect()
      const takeover = await measureTakeover(gateway.port, worker)
      await other.stop()
      progress('while the worker catches up with a topic')
      const besideCatchUp = await measureBesideCatchUp()
      return {
        commandsPerSec: peak,
        controlPerSec: lua,
        ratio: round(peak / lua),
        gatewayDecidesPerSec: decided,
        ratioToGatewayDecides: round(peak / decided),
        halfPerSec: half.commandsPerSec,
        p50Ms: round(half.p50Ms),
        p99Ms: round(half.p99Ms),
        aloneP50Ms: round(alone.p50Ms),
        aloneOneKeyP50Ms: round(oneKey.p50Ms),
        catchUpP50Ms: round(besideCatchUp.p50Ms),
        catchUpP99Ms: round(besideCatchUp.p99Ms),
        takeoverP50Ms: round(takeover.p50Ms),
        takeoverSlowestMs: round(takeover.slowestMs),
        endlessAnsweredMs: round(Math.max(...endless)),
        besideEndlessP99Ms: round(neighbours.p99Ms),
        rejected: rejected + half.rejected + neighbours.rejected + besideCatchUp.rejected,
      }
    } finally {
      await fair.stop()
      await deployment.stop()
    }
  },
}

function startFair(redisUrl: string): Promise<ServerProcess> {
  const child = startModule(new URL('./fair-control.ts', import.meta.url))
  child.send({ redisUrl })
  return untilReady(child)
}

function command(options: CommanderOptions): Promise<CommanderReport> {
  return askModule(new URL('./commander.ts', import.meta.url), options)
}

function appendByLua(options: LuaControlOptions): Promise<LuaControlReport> {
  return askModule(new URL('./lua-control.ts', import.meta.url), options)
}

const round = (value: number) => Math.round(value * 100) / 100
