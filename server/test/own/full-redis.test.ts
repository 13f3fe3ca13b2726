import { expect, it } from 'vitest'
import { z } from 'zod'
import { HEARTBEAT_EVERY_MS } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { startTestGateway } from '../support/gateway.ts'
import { useRedis } from '../support/use-redis.ts'
import { useWorkers } from '../support/use-workers.ts'
import { Deployment, PARTITIONS } from '../support/workers.ts'

const reading = topic('a.reading', { schema: z.object({ k: z.string() }), key: 'k' })
const { contract } = defineConfig({ topics: [reading] })
const { server, redis } = await useRedis()
const workers = useWorkers(server.url, PARTITIONS, contract)
const deployment = new Deployment(redis)

it('W-OWNER-9 L-POOL-9 B-REDIS-7 a full Redis - keeps the list of workers, lets processes start, and partitions find owners', async () => {
  const [first] = [await workers.start(), await workers.start()]
  await expect.poll(() => deployment.shares()).toEqual({ 'w-0': 2, 'w-1': 2 })
  await redis.config('SET', 'maxmemory', '1mb')
  try {
    await expect(redis.set('other', 'value')).rejects.toThrow('OOM')
    const fullAt = await deployment.now()
    await expect
      .poll(async () => Number(await redis.zscore(keys.workers, 'w-0')))
      .toBeGreaterThan(fullAt + HEARTBEAT_EVERY_MS)
    expect(await deployment.shares()).toEqual({ 'w-0': 2, 'w-1': 2 })
    const leftAt = await deployment.now()
    await first!.close({ deadlineMs: 1_000 })
    await workers.start()
    const gateway = await startTestGateway(contract, { redisUrl: server.url, partitions: PARTITIONS })
    await gateway.close()
    await expect.poll(() => deployment.shares()).toEqual({ 'w-1': 2, 'w-2': 2 })
    expect((await deployment.owners(leftAt)).filter((token) => token !== undefined)).toHaveLength(PARTITIONS)
  } finally {
    await redis.config('SET', 'maxmemory', '0')
  }
})
