import { Worker } from 'bullmq'
import { expect, it } from 'vitest'
import { JobQueue } from '../../src/bus/jobs/index.ts'
import { QUEUE_PREFIX } from '../../src/bus/keys.ts'
import { queueConnectionOptions } from '../../src/bus/redis/connection.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const HOUR_MS = 3_600_000
const KIND = { queue: 'test', idOf: ({ id }: { id: string }) => id }
const { server, redis } = await useRedis()
const alive = useBus(server, 1)
const other = useBus(server, 1)

it("L-POOL-6 a dead worker's job goes to another one although its lock has an hour left", async () => {
  const connection = queueConnectionOptions(server.url, 'dead', { slot: 0 }) as never
  const dead = new Worker(KIND.queue, null, { connection, prefix: QUEUE_PREFIX })
  const ran: string[] = []
  const queue = new JobQueue(alive.bus, KIND, async ({ id }: { id: string }) => void ran.push(id))
  await queue.pause()
  await queue.offer({ id: 'a' })
  const job = await dead.getNextJob('token')
  // As after a step of Redis' clock.
  await redis.pexpire(dead.toKey(`${job!.id}:lock`), HOUR_MS)
  await redis.set(dead.toKey('stalled-check'), '1', 'PX', HOUR_MS)
  await dead.close()
  const next = new JobQueue(other.bus, KIND, async ({ id }: { id: string }) => void ran.push(id))
  await next.boundExpiries()
  await expect.poll(() => ran, { timeout: 8_000 }).toEqual(['a'])
  // What is within its bounds is left alone.
  expect(await redis.pttl(dead.toKey('stalled-check'))).toBeLessThanOrEqual(500)
  await next.close()
  await queue.close()
}, 15_000)
