import { expect, it } from 'vitest'
import { ContractClaim } from '../../src/bus/contract-claim.ts'
import { keys } from '../../src/bus/keys.ts'
import { useRedis } from '../support/use-redis.ts'

const HOUR_MS = 3_600_000
const { redis } = await useRedis()

it('B-CLAIM-1 the claim of a dead process ends in time although an hour of it is left', async () => {
  // As after Redis' clock was set back.
  await redis.set(keys.contract, 'dead', 'PX', HOUR_MS)
  const claim = new ContractClaim(redis, 'next')
  await claim.start()
  expect(await redis.get(keys.contract)).toBe('next')
  claim.close()
}, 15_000)
