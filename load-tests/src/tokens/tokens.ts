import { withDeployment } from '../growth/deployment.ts'
import { loadOf, type Round } from '../growth/measure-point.ts'
import { BASE, type Point } from '../growth/point.ts'
import { connectionsOf } from '../idle/connections.ts'
import type { Benchmark, Figures } from '../support/benchmark.ts'
import { tokenEnvironment } from '../support/hello.ts'
import { percentile } from '../support/percentile.ts'
import { startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { warmRounds } from '../support/warm-rounds.ts'

/** Frames of a hundred events to Redis and the worker. */
const PUBLISH: Point = { ...BASE, producers: 4, eventsPerSec: 50_000 }
/** Frames of one event each to many. */
const DELIVER: Point = { ...BASE, producers: 1, eventsPerFrame: 1, subscribers: 500, eventsPerSec: 100 }
/** Idle, and that many at a time. */
const CONNECTIONS = 10_000
const STEP = 2_500
const WARM_UP_MS = 8_000
const TURNS = 4
/** Two processes of the same code differ by several percent, however long they run. */
const PAIRS = 3

type Environment = Readonly<Record<string, string>>

export const tokens: Benchmark = {
  description:
    'CPU of a gateway for an event and for a delivery, and memory of a connection, where it asks for tokens and where it asks nobody',
  control: 'a deployment that asks nobody, measured in the same turn',
  notMeasured: 'the check of a token itself, which happens once for a connection; networks other than loopback',
  async run(progress) {
    const asking = await tokenEnvironment()
    const publish = await besideOpen(PUBLISH, asking, ({ used, events }) => used.gateway / events, progress)
    progress(`publish: ${JSON.stringify(publish)}`)
    const deliver = await besideOpen(DELIVER, asking, ({ used, deliveries }) => used.gateway / deliveries, progress)
    progress(`deliver: ${JSON.stringify(deliver)}`)
    return { publish, deliver, connection: await connections(asking, progress) }
  },
}

/** Measures a load on pairs of deployments, the two of a pair in turn. @param cost CPU seconds @returns microseconds */
async function besideOpen(
  point: Point,
  env: Environment,
  cost: (round: Round) => number,
  progress: (line: string) => void,
): Promise<Figures> {
  const pairs: { readonly open: number; readonly asking: number }[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const [open, asking] = (await roundsOfPair(point, env, progress)).map((rounds) =>
      percentile(
        rounds.map((round) => cost(round) * 1e6),
        0.5,
      ),
    )
    pairs.push({ open: open!, asking: asking! })
  }
  const ratios = pairs.map(({ open, asking }) => rounded(asking / open))
  const mean = (values: readonly number[]) => rounded(values.reduce((sum, value) => sum + value, 0) / values.length)
  return {
    asking: mean(pairs.map(({ asking }) => asking)),
    open: mean(pairs.map(({ open }) => open)),
    ratio: mean(ratios),
    ratios,
  }
}

/** Rounds of one that asks nobody, and of one that asks for tokens. */
async function roundsOfPair(
  point: Point,
  env: Environment,
  progress: (line: string) => void,
): Promise<readonly (readonly Round[])[]> {
  const warm = await withDeployment(point, (open) =>
    withDeployment(
      point,
      (asking) =>
        warmRounds([loadOf(open, point, progress), loadOf(asking, point, progress)], {
          warmUpMs: WARM_UP_MS,
          turns: TURNS,
        }),
      env,
    ),
  )
  return warm.map(({ rounds }) => rounds)
}

/** Memory of a connection of two gateways, to which clients connect in turn. */
async function connections(env: Environment, progress: (line: string) => void): Promise<Figures> {
  const redis = await startBenchRedis()
  const start = (extra: Environment) => startTidegate(['gateway', '--port', '0'], { REDIS_URL: redis.url, ...extra })
  const gateways = await Promise.all([start({}), start(env)])
  const clients = [connectionsOf(gateways[0]), connectionsOf(gateways[1], env)]
  const residents = async () => [await clients[0]!.resident(), await clients[1]!.resident()] as const
  try {
    for (const each of clients) await each.warmUp()
    const before = await residents()
    for (let connected = STEP; connected <= CONNECTIONS; connected += STEP) {
      for (const each of clients) await each.add(STEP)
      progress(`${connected} connections to each gateway`)
    }
    const after = await residents()
    const [open, asking] = after.map((bytes, i) => Math.round((bytes - before[i]!) / CONNECTIONS))
    return { asking: asking!, open: open!, ratio: rounded(asking! / open!) }
  } finally {
    for (const each of clients) each.end()
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await redis.close()
  }
}

const rounded = (value: number) => Math.round(value * 1_000) / 1_000
