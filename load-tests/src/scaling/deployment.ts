import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { keys } from '../../../server/src/bus/keys.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { RedisCluster } from '../../../server/test/support/redis-cluster.ts'
import type { PublisherCommand, PublisherReport } from '../growth/publisher.ts'
import type { SubscribersOptions } from '../growth/subscribers.ts'
import { topicName } from '../growth/topics.ts'
import { openBench } from '../support/catch-up.ts'
import { ask, type ServerProcess, startModule, startTidegate } from '../support/processes.ts'
import { LOAD } from './load.ts'

/** How a deployment is spread. */
export interface Spread {
  readonly masters: number
  readonly workers: number
  /** Gateways with a subscriber to everything, beside the one that is published to. */
  readonly readers: number
}

/** No node is to be replaced because the machine pauses. */
const NODE_TIMEOUT_MS = 30_000
const CONFIG = fileURLToPath(new URL('../growth/topics-1.config.ts', import.meta.url))

export interface Running {
  /** It has all publishers, and no subscriber. */
  readonly publishing: ServerProcess
  /** Each has one subscriber to everything, and no publisher. */
  readonly readers: readonly ServerProcess[]
  readonly workers: readonly ServerProcess[]
  readonly masters: readonly Redis[]
  /** Opens the producers, anew if they are open. */
  open(): Promise<unknown>
  publish(durationMs: number): Promise<PublisherReport>
  /** Record batches of events stored so far, in all partitions. */
  storedBatches(): Promise<number>
  /** Memory of Redis for one of the record batches that it holds. */
  bytesPerBatch(): Promise<number>
  /** Events delivered since the last call, to all subscribers. */
  takeDelivered(): Promise<number>
}

/** Deployments side by side, in the order of their spreads. All end afterwards. */
export function withSpreads<T>(
  [spread, ...others]: readonly Spread[],
  use: (all: readonly Running[]) => Promise<T>,
): Promise<T> {
  if (!spread) return use([])
  return withSpread(spread, (running) => withSpreads(others, (rest) => use([running, ...rest])))
}

/** Starts a cluster without replicas, two gateways, workers and the clients of a load, and ends them all afterwards. */
async function withSpread<T>(spread: Spread, use: (running: Running) => Promise<T>): Promise<T> {
  const closing: (() => unknown)[] = []
  try {
    const cluster = await RedisCluster.start({ masters: spread.masters, nodeTimeoutMs: NODE_TIMEOUT_MS })
    closing.push(() => cluster.close())
    const environment = {
      REDIS_URL: cluster.url,
      TIDEGATE_LOG_LEVEL: 'warn',
      TIDEGATE_PARTITIONS: `${LOAD.partitions}`,
      TIDEGATE_METRICS_PORT: '0',
    }
    const start = async (command: 'gateway' | 'worker', name: string) => {
      const port = command === 'gateway' ? ['--port', '0'] : []
      const started = await startTidegate([command, '--config', CONFIG, ...port], {
        ...environment,
        TIDEGATE_NODE: name,
      })
      closing.push(() => started.stop())
      return started
    }
    const several = async (command: 'gateway' | 'worker', count: number) => {
      const started: ServerProcess[] = []
      for (let n = 1; n <= count; n++) started.push(await start(command, `${command}-${n}`))
      return started
    }
    const workers = await several('worker', spread.workers)
    const [publishing, ...readers] = await several('gateway', 1 + spread.readers)
    const masters = await Promise.all(cluster.nodes.map(({ url }) => openBench(url)))
    closing.push(...masters.map((redis) => () => redis.disconnect()))
    const logs = Array.from({ length: LOAD.partitions }, (_, partition) => keys.log(partition, topicName(0)))
    const holders = await Promise.all(
      logs.map(async (log) => masters[cluster.nodes.indexOf(await cluster.ownerOf(log))]!),
    )
    const overLogs = async (of: (redis: Redis, log: string) => Promise<number>) => {
      const all = await Promise.all(logs.map((log, partition) => of(holders[partition]!, log)))
      return all.reduce((sum, each) => sum + each, 0)
    }
    const bytesPerBatch = async () => (await overLogs(bytesOf)) / (await overLogs((redis, log) => redis.xlen(log)))
    const child = (name: string): ChildProcess => {
      const module = startModule(new URL(`../growth/${name}.ts`, import.meta.url))
      closing.push(() => module.kill())
      return module
    }
    const publisher = child('publisher')
    const tell = <Answer>(command: PublisherCommand) => ask<Answer>(publisher, command)
    const subscribers = readers.map(() => child('subscribers'))
    for (const [i, { port }] of readers.entries()) {
      await ask(subscribers[i]!, { port, filters: [null] } satisfies SubscribersOptions)
    }
    const takeDelivered = async () => {
      const taken = await Promise.all(subscribers.map((each) => ask<number>(each, 'take')))
      return taken.reduce((sum, events) => sum + events, 0)
    }
    return await use({
      ...{ publishing: publishing!, readers, workers, masters, bytesPerBatch, takeDelivered },
      storedBatches: () => overLogs(entriesAdded),
      open: () => tell({ do: 'open', port: publishing!.port, point: LOAD }),
      publish: (durationMs) => tell({ do: 'publish', durationMs, eventsPerSec: LOAD.eventsPerSec }),
    })
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

/** Those that were trimmed since, too. */
async function entriesAdded(redis: Redis, log: string): Promise<number> {
  const facts = (await redis.xinfo('STREAM', log)) as (string | number)[]
  return Number(facts[facts.indexOf('entries-added') + 1])
}

async function bytesOf(redis: Redis, log: string): Promise<number> {
  return Number(await redis.memory('USAGE', log, 'SAMPLES', 0))
}
