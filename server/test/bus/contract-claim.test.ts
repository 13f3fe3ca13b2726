import { afterAll, beforeAll, expect, it } from 'vitest'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/connection.ts'
import { ContractClaim } from '../../src/bus/contract-claim.ts'
import { keys } from '../../src/bus/keys.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

const HOUR_MS = 3_600_000
let server: TestRedis
let redis: Redis

beforeAll(async () => {
  server = await startTestRedis()
  redis = openCommandConnection(server.url, 'test')
  await untilReady(redis, 5_000)
})
afterAll(async () => {
  redis.disconnect()
  await server.close()
})

it('B-CLAIM-1 the claim of a dead process ends in time although an hour of it is left', async () => {
  // As after Redis' clock was set back.
  await redis.set(keys.contract, 'dead', 'PX', HOUR_MS)
  const claim = new ContractClaim(redis, 'next')
  await claim.start()
  expect(await redis.get(keys.contract)).toBe('next')
  claim.close()
}, 15_000)
