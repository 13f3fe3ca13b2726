import { createTestServer } from '@tidegate/client/testing'
import { afterAll } from 'vitest'
import { WebSocket } from 'ws'
import type { SocketConstructor } from '../../../client-sdk/src/connection/socket.ts'
import { keys } from '../../src/bus/keys.ts'
import { startWorker } from '../../src/worker-app.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'
import { config } from './config.ts'

/** What the conformance suite is run against. */
export interface Subject {
  /** Without a path. */
  readonly url: string
  readonly WebSocket: SocketConstructor
  /** Retention takes everything that is stored of a topic. */
  trim(topic: string): Promise<void>
  /** Announces the end of all connections, and ends them. The server is there again then, or goes on. */
  drain(): Promise<void>
}

export const PARTITIONS = 4
/** Little enough that a test can exceed it. */
export const MAX_WAITING = 200
const MAX_WAITING_BYTES = 60_000

export async function fakeServer(): Promise<Subject> {
  const server = createTestServer({ config, partitions: PARTITIONS, maxWaiting: MAX_WAITING })
  return {
    url: 'ws://test',
    WebSocket: server.WebSocket,
    trim: async (topic) => server.trim(topic as never),
    drain: async () => server.drain({ deadlineMs: 50 }),
  }
}

/** A gateway and a worker of this process, on a Redis of their own. */
export async function realServer(): Promise<Subject> {
  const delivery = { ...DELIVERY_LIMITS, queueBytes: MAX_WAITING_BYTES }
  const server = await useGateway(config.contract, { partitions: PARTITIONS, delivery })
  const redis = await useConnection(server.redis.url)
  const worker = await startWorker(
    { redisUrl: server.redis.url, partitions: PARTITIONS, log: () => {}, workerId: 'w-1' },
    config.contract,
  )
  afterAll(() => worker.close({ deadlineMs: 2_000 }))
  return {
    url: `ws://127.0.0.1:${server.port}`,
    WebSocket: WebSocket as unknown as SocketConstructor,
    async trim(topic) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const log = keys.log(partition, topic)
        const [newest] = await redis.xrevrange(log, '+', '-', 'COUNT', 1)
        if (newest === undefined) continue
        await redis.xtrim(log, 'MAXLEN', 0)
        await redis.hset(keys.meta(partition), `trim:${topic}`, newest[0])
      }
    },
    drain: () => server.gateway.close({ deadlineMs: 50 }),
  }
}
