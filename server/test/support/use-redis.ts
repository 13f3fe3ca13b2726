import { afterAll, afterEach, beforeEach } from 'vitest'
import { openTopology } from '../../src/bus/contract/topology.ts'
import type { Bus, BusSettings } from '../../src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { openTestBus } from './bus.ts'
import { startTestRedis, type TestRedis } from './redis.ts'

const CONNECT_MS = 5_000

export interface UsedRedis {
  readonly server: TestRedis
  readonly redis: Redis
}

export interface UseRedisOptions {
  /** Written before each test, as a first start does. Absent: Redis is empty. */
  readonly partitions?: number
  /** Of the command line of Redis. */
  readonly options?: readonly string[]
}

/** A Redis for the tests of this file, emptied before each, and a connection to it. Both end with the file. */
export async function useRedis({ partitions, options }: UseRedisOptions = {}): Promise<UsedRedis> {
  const server = await startTestRedis(options)
  afterAll(() => server.close())
  const redis = await useConnection(server.url)
  beforeEach(async () => {
    await redis.flushall()
    if (partitions !== undefined) await openTopology(() => redis, partitions)
  })
  return { server, redis }
}

/** A connection for the tests of this file. */
export async function useConnection(url: string): Promise<Redis> {
  const redis = openCommandConnection(url, 'test')
  afterAll(() => redis.disconnect())
  await untilReady(redis, CONNECT_MS)
  return redis
}

/**
 * A bus for each test of this file, on a Redis emptied by `useRedis`. Not one for all of them: breakers that a test leaves
 * open would refuse the calls of the next.
 */
export function useBus(
  { url }: Pick<TestRedis, 'url'>,
  partitions: number,
  changes: Partial<BusSettings> = {},
): { readonly bus: Bus } {
  let bus: Bus
  beforeEach(async () => {
    bus = await openTestBus(url, partitions, changes)
  })
  afterEach(() => bus.close())
  return {
    get bus() {
      return bus
    },
  }
}
