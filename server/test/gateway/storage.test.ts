import { expect, test } from 'vitest'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const server = await useGateway()
const redis = await useConnection(server.redis.url)

async function post(): Promise<number> {
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ topic: 'sensor.reading', ...readingOf('s-1') }),
    headers: { 'content-type': 'application/json' },
  })
  await response.text()
  return response.status
}

test('I-APPEND-10 publishes are refused from a share of maxmemory on, while Redis still takes what frees memory', async () => {
  expect(await post()).toBe(200)
  const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
  await redis.config('SET', 'maxmemory', Math.round(used * 1.15))
  await expect.poll(post, { timeout: 5_000 }).toBe(507)
  expect(await redis.set('probe', 'x')).toBe('OK')
  await redis.config('SET', 'maxmemory', 0)
  await expect.poll(post, { timeout: 5_000 }).toBe(200)
})
