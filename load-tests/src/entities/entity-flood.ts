import { fileURLToPath } from 'node:url'
import { partitionOf } from '../../../server/src/bus/index.ts'
import type { Benchmark } from '../support/benchmark.ts'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { PARTITIONS } from '../support/log-filler.ts'
import { residentBytes } from '../support/memory.ts'
import { askModule } from '../support/processes.ts'
import type { CommanderOptions, CommanderReport } from './commander.ts'

const CONFIG = fileURLToPath(new URL('./entities.config.ts', import.meta.url))
const HOT = 'account-hot'
/** As many as a connection may have without an outcome, on each of four: the next one as soon as one is answered or refused. */
const FLOOD = { sockets: 4, inFlight: 64, keys: [HOT], warmupMs: 0 } as const
const PROBE = { sockets: 1, inFlight: 64, commandsPerSec: 200, warmupMs: 1_000 } as const
const PROBE_MS = 6_000
const FLOOD_MS = 12_000
/** The flood has begun by then, and is still under way when the probes have ended. */
const PROBES_BESIDE = { ...PROBE, warmupMs: 3_000, measureMs: PROBE_MS } as const
const WARM_UP = { sockets: 4, inFlight: 64, keys: 1_000, warmupMs: 0, measureMs: 15_000 } as const
const MB = 1_048_576

const isBeside = (key: string) => partitionOf(key, PARTITIONS) === partitionOf(HOT, PARTITIONS)
const accounts = Array.from({ length: 400 }, (_, n) => `account-${n}`)
/** Neighbours of the flooded entity, and entities of other partitions. */
const NEIGHBOURS = accounts.filter(isBeside)
const OTHERS = accounts.filter((key) => !isBeside(key))

export const entityFlood: Benchmark = {
  description: 'Commands of other entities while one is sent more than it may, as fast as they are answered or refused',
  control: 'the same commands without the flood, in the same run',
  notMeasured: 'several gateways and workers; clients, gateway, worker and Redis share the cores',
  async run(progress) {
    const { gateway, worker, stop } = await startGatewayAndWorker(CONFIG)
    const send = (options: Omit<CommanderOptions, 'port'>) =>
      askModule<CommanderReport>(new URL('./commander.ts', import.meta.url), {
        ...options,
        port: gateway.port,
      } satisfies CommanderOptions)
    const probe = async (options: Omit<CommanderOptions, 'port' | 'keys'>) => {
      const [neighbours, others] = await Promise.all([NEIGHBOURS, OTHERS].map((keys) => send({ ...options, keys })))
      return { neighbours: neighbours!, others: others! }
    }
    try {
      progress('warm-up')
      await send(WARM_UP)
      progress('without a flood')
      const quiet = await probe({ ...PROBE, measureMs: PROBE_MS })
      const before = await Promise.all([gateway, worker].map(({ pid }) => residentBytes(pid)))
      progress('beside a flood of one entity')
      const [flood, beside] = await Promise.all([send({ ...FLOOD, measureMs: FLOOD_MS }), probe(PROBES_BESIDE)])
      const after = await Promise.all([gateway, worker].map(({ pid }) => residentBytes(pid)))
      return {
        floodAnswered: flood.answered,
        floodRefused: flood.rejected,
        floodDonePerSec: flood.commandsPerSec,
        othersP50Ms: rounded(beside.others.p50Ms),
        othersP99Ms: rounded(beside.others.p99Ms),
        othersQuietP50Ms: rounded(quiet.others.p50Ms),
        othersQuietP99Ms: rounded(quiet.others.p99Ms),
        othersRatio: rounded(beside.others.p50Ms / quiet.others.p50Ms),
        neighboursP50Ms: rounded(beside.neighbours.p50Ms),
        neighboursP99Ms: rounded(beside.neighbours.p99Ms),
        neighboursQuietP50Ms: rounded(quiet.neighbours.p50Ms),
        neighboursMoreMs: rounded(beside.neighbours.p50Ms - quiet.neighbours.p50Ms),
        probesRejected: beside.others.rejected + beside.neighbours.rejected,
        gatewayGrownMb: Math.round((after[0]! - before[0]!) / MB),
        workerGrownMb: Math.round((after[1]! - before[1]!) / MB),
      }
    } finally {
      await stop()
    }
  },
}

const rounded = (value: number) => Math.round(value * 10) / 10
