import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from '../../../server/src/bus/index.ts'
import type { BenchRedis } from '../support/redis.ts'
import type { Workers } from './workers.ts'

export interface Stage {
  readonly server: BenchRedis
  readonly redis: Redis
  readonly workers: Workers
  readonly random: () => number
  /** Things that go on beside the writing of the log. */
  readonly beside: Promise<unknown>[]
}

/** Longer than an owner's heartbeat is believed, so that another worker takes over while it sleeps. */
const ASLEEP_MS = 2_500
const PAUSE_MS = 700

/** What happens to the processes of a schedule. While one that returns a promise goes on, nothing is written. */
export const DISTURBANCES: Readonly<Record<string, (stage: Stage) => void | Promise<void>>> = {
  'kill -9 of a worker': ({ workers, random, beside }) => {
    beside.push(workers.crash(random()))
  },
  'kill -9 of both workers': ({ workers, random, beside }) => {
    beside.push(workers.crash(random()), workers.crash(random()))
  },
  'worker asleep past takeover': ({ workers, random, beside }) => {
    const wake = workers.freeze(random())
    beside.push(pause(ASLEEP_MS).then(wake))
  },
  'hand-over by SIGTERM': ({ workers, random, beside }) => {
    if (workers.count > 1) beside.push(workers.stop(random()).then(() => workers.start(1)))
  },
  'another worker': ({ workers, beside }) => {
    if (workers.count < 4) beside.push(workers.start(1))
  },
  'one worker less': ({ workers, random, beside }) => {
    if (workers.count > 2) beside.push(workers.stop(random()))
  },
  'connections cut': async ({ redis }) => {
    for (const id of await workerConnections(redis)) await redis.call('CLIENT', 'KILL', 'ID', id)
  },
  'commits unanswered, then connections cut': async ({ redis }) => {
    await redis.call('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE')
    await pause(PAUSE_MS / 2)
    for (const id of await workerConnections(redis)) await redis.call('CLIENT', 'KILL', 'ID', id)
    await pause(PAUSE_MS)
  },
  'restart of Redis': async ({ server, redis }) => {
    await server.restart()
    while (redis.status !== 'ready') await pause(20)
  },
}

/** Ids of the connections on which workers send commands. */
async function workerConnections(redis: Redis): Promise<string[]> {
  const list = (await redis.call('CLIENT', 'LIST')) as string
  return list
    .split('\n')
    .filter((line) => / name=tidegate-/.test(line) && !line.includes('name=tidegate-crashes'))
    .map((line) => /^id=(\d+)/.exec(line)![1]!)
}
