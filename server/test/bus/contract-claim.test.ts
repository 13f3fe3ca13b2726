import { expect, it } from 'vitest'
import { ContractClaim, readContractRecord } from '../../src/bus/contract-claim.ts'
import { keys } from '../../src/bus/keys.ts'
import { useRedis } from '../support/use-redis.ts'

const HOUR_MS = 3_600_000
const { redis } = await useRedis()

it('B-CLAIM-1 the claim of a dead process ends in time although an hour of it is left', async () => {
  // As after Redis' clock was set back.
  await redis.set(keys.contract, 'dead', 'PX', HOUR_MS)
  const claim = new ContractClaim(() => redis, { hash: 'next', record: '{}' })
  await claim.start()
  expect(await redis.get(keys.contract)).toBe('next')
  claim.close()
}, 15_000)

it('B-CLAIM-2 what a contract holds stays when its processes end, and is there again after Redis lost it', async () => {
  const claim = new ContractClaim(() => redis, { hash: 'h', record: '{"hash":"h"}' })
  await claim.start()
  expect(await readContractRecord(redis)).toBe('{"hash":"h"}')
  await redis.flushall()
  await expect.poll(() => readContractRecord(redis), { timeout: 5_000 }).toBe('{"hash":"h"}')
  claim.close()
  await redis.del(keys.contract)
  expect(await readContractRecord(redis)).toBe('{"hash":"h"}')
}, 15_000)
