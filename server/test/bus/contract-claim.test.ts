import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ContractClaim } from '../../src/bus/contract/contract-claim.ts'
import type { ClaimedContract, ContractHead, ContractRole } from '../../src/bus/contract/contract-head.ts'
import { readContract, writeContract } from '../../src/bus/contract/contract-view.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition } from '../../src/bus/log/lineage.ts'
import { redisNow } from '../../src/bus/redis/redis-time.ts'
import { ledgerOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const HOUR_MS = 3_600_000
const PARTITIONS = 2
const TIMES = { renewMs: 100, patienceMs: 400, workersPatienceMs: 5_000 }
const { redis } = await useRedis()
const claims: ContractClaim[] = []
/** Why processes have to end. */
const ousted: string[] = []

beforeEach(async () => {
  await redis.flushall()
  for (let partition = 0; partition < PARTITIONS; partition++) await openPartition(redis, partition)
})
afterEach(() => {
  for (const claim of claims.splice(0)) claim.close()
  ousted.splice(0)
})

/** A contract that has some letters: one with more of them is newer, one with others is apart. */
function contract(letters: string): ClaimedContract {
  const has = (all: string, some: string) => [...some].every((one) => all.includes(one))
  return {
    hash: letters,
    record: JSON.stringify({ hash: letters }),
    relationTo(record) {
      const other = (JSON.parse(record) as { hash: string }).hash
      if (other === letters) return 'same'
      return has(letters, other) ? 'newer' : has(other, letters) ? 'older' : 'apart'
    },
    differencesFrom: (record) => [`letters ${(JSON.parse(record) as { hash: string }).hash}`],
  }
}

async function start(role: ContractRole, letters: string, renewMs = TIMES.renewMs): Promise<ContractClaim> {
  const onOusted = ({ message }: Error) => ousted.push(message)
  const times = { ...TIMES, renewMs }
  const claim = new ContractClaim(() => redis, contract(letters), role, PARTITIONS, onOusted, times)
  claims.push(claim)
  await claim.start()
  return claim
}

const head = async () => JSON.parse((await redis.hget(keys.contractHead, 'state'))!) as ContractHead
/** Everything of one generation is gone, as five seconds later. */
const gone = async (generation: number) => {
  await redis.hset(keys.contractLive, generation, (await redisNow(redis)) - HOUR_MS)
}
const take = (partition: number, generation: number) => ledgerOf(redis, partition, 'commit', () => generation).take()

describe('claims of a contract', () => {
  it("B-CLAIM-1 a claim of a dead process ends in time although Redis' clock was set back by an hour", async () => {
    await start('worker', 'a')
    claims.pop()!.close()
    await redis.hset(keys.contractLive, 0, (await redisNow(redis)) + HOUR_MS)
    await start('worker', 'b')
    expect((await head()).hash).toBe('b')
  })

  it('B-CLAIM-1 the claim of a dead process of a version before generations ends in time, too', async () => {
    await redis.set(keys.contract, 'dead', 'PX', HOUR_MS)
    await expect(start('worker', 'next')).rejects.toThrow(/^Other processes run contract dead/)
    expect(await redis.pttl(keys.contract)).toBeLessThanOrEqual(5_000)
    await redis.del(keys.contract)
    await start('worker', 'next')
    expect((await head()).hash).toBe('next')
  })

  it('B-CLAIM-2 B-CONTRACT-7 what a contract holds stays when its processes end, and is there again after Redis lost it', async () => {
    const claim = await start('worker', 'a')
    await start('worker', 'ab')
    expect(await readContract(() => redis)).toMatchObject({ hash: 'ab', isRunning: true, record: '{"hash":"ab"}' })
    await redis.flushall()
    await expect
      .poll(() => readContract(() => redis), { timeout: 5_000 })
      .toMatchObject({ hash: 'ab', record: '{"hash":"ab"}' })
    expect((await head()).generation).toBe(1)
    for (const one of claims.splice(0)) one.close()
    await gone(0)
    await gone(1)
    expect(await readContract(() => redis)).toMatchObject({ hash: 'ab', isRunning: false })
    expect(claim.generation).toBe(0)
  }, 15_000)

  it('B-CONTRACT-1 B-CONTRACT-3 workers first: a gateway waits for one, and until every partition is taken', async () => {
    await start('worker', 'a')
    await take(0, 0)
    let isIn = false
    const gateway = start('gateway', 'ab').then(() => {
      isIn = true
    })
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect([(await head()).hash, isIn]).toEqual(['a', false])
    const worker = await start('worker', 'ab')
    expect([(await head()).hash, worker.generation, await worker.isEverywhere()]).toEqual(['ab', 1, false])
    await take(1, 1)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(isIn).toBe(false)
    await ledgerOf(redis, 0).release((await redis.hget(keys.meta(0), 'token'))!)
    await take(0, 1)
    await gateway
    expect([isIn, await worker.isEverywhere()]).toEqual([true, true])
    // One of the contract before may be started again; it changes nothing.
    expect((await start('gateway', 'a')).generation).toBe(0)
    expect((await head()).hash).toBe('ab')
  }, 15_000)

  it('B-CONTRACT-2 B-CONTRACT-6 L-TAKE-5 what a later worker has taken, an earlier one leaves', async () => {
    const taken = await take(0, 2)
    expect(taken.status).toBe('ok')
    if (taken.status === 'ok') await ledgerOf(redis, 0).release(taken.ownership.token)
    const before = await redis.hgetall(keys.meta(0))
    expect(await take(0, 1)).toEqual({ status: 'newer' })
    expect(await redis.hgetall(keys.meta(0))).toEqual(before)
    const again = await take(0, 2)
    // Once an operator has gone back to the contract of an owner, what it holds is of that decision.
    if (again.status === 'ok') await ledgerOf(redis, 0, 'commit', () => 4).beat(again.ownership.token)
    expect([again.status, await redis.hget(keys.meta(0), 'contract')]).toEqual(['ok', '4'])
  })

  it('B-CONTRACT-3 a gateway shuts out a worker that sleeps, where none of an earlier contract is known to live', async () => {
    await start('worker', 'a')
    claims.pop()!.close()
    const asleep = await take(0, 0)
    await gone(0)
    const gateway = await start('gateway', 'ab')
    expect(await gateway.isEverywhere()).toBe(true)
    const token = asleep.status === 'ok' ? asleep.ownership.token : ''
    expect([await ledgerOf(redis, 0).beat(token), await take(1, 0)]).toEqual([false, { status: 'newer' }])
  })

  it('B-CONTRACT-1 refuses by name what cannot run beside the others, and what has less', async () => {
    await start('worker', 'ab')
    await start('worker', 'abc')
    const refusals = await Promise.allSettled([start('worker', 'x'), start('gateway', 'x'), start('worker', 'ab')])
    const [apart, gateway, older] = refusals.map((one) => (one.status === 'rejected' ? `${one.reason.message}` : ''))
    expect(apart).toMatch(
      /^Other processes run contract abc, this one has x: letters abc\. .*Stop the gateways, then the workers;/,
    )
    expect(gateway).toBe(apart)
    expect(older).toMatch(
      /^Other processes run contract abc, this one has ab, which has less: .*tidegate config accept/,
    )
    expect((await head()).hash).toBe('abc')
  }, 15_000)

  it('B-CONTRACT-4 of two rollouts at once one comes in, and the other is compared with it', async () => {
    await start('worker', 'a')
    const both = await Promise.allSettled([start('worker', 'ab'), start('worker', 'ac')])
    const refused = both.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
    expect(refused).toHaveLength(1)
    expect(`${refused[0]!.reason.message}`).toMatch(/^Other processes run contract a[bc], this one has a[bc]: letters/)
    expect((await start('worker', 'abc')).generation).toBe(2)
  }, 15_000)

  it('B-CONTRACT-5 a rollout is over when none of an earlier contract is alive; until then it is not undone by a start', async () => {
    await start('worker', 'a')
    claims.pop()!.close()
    await start('worker', 'ab')
    expect((await head()).isRolling).toBe(true)
    for (const one of claims.splice(0)) one.close()
    await gone(0)
    await gone(1)
    await expect(start('worker', 'a')).rejects.toThrow(/^Contract ab was taking the place of a when everything ended\./)
    await start('worker', 'ab')
    await gone(0)
    await expect.poll(async () => (await head()).isRolling, { timeout: 5_000 }).toBe(false)
    for (const one of claims.splice(0)) one.close()
    await gone(1)
    expect((await start('worker', 'a')).generation).toBe(2)
  }, 15_000)

  it('B-CONTRACT-6 an operator goes back: those that live follow, and what was taken back is refused', async () => {
    const worker = await start('worker', 'a')
    await start('worker', 'ab')
    expect(await writeContract(() => redis, { hash: 'a', record: '{"hash":"a"}', isBack: true })).toBe(true)
    await expect.poll(() => [worker.generation, worker.latest], { timeout: 5_000 }).toEqual([2, 2])
    await expect(start('worker', 'ab')).rejects.toThrow(/^Contract ab was taken back: contract a is the one to run\./)
    expect(await writeContract(() => redis, { hash: 'ab', record: '{"hash":"ab"}', isBack: false })).toBe(true)
    expect((await start('worker', 'ab')).generation).toBe(3)
  }, 15_000)

  it('B-CONTRACT-9 one that slept while another contract came in is told that it cannot run beside it', async () => {
    const [gateway, worker] = [await start('gateway', 'a', 600), await start('worker', 'a', 600)]
    await gone(0)
    await start('worker', 'x')
    expect([gateway.isOusted, worker.isOusted]).toEqual([false, false])
    await expect.poll(() => ousted.length, { timeout: 5_000 }).toBe(2)
    expect(ousted[0]).toMatch(
      /^Other processes run contract x, this one has a: letters x\. The two cannot run side by side\./,
    )
    expect([gateway.isOusted, worker.isOusted]).toEqual([true, true])
  })

  it('B-GROW-10 one that was cut off while the partitions were divided is told to start with as many', async () => {
    const [gateway, worker] = [await start('gateway', 'a'), await start('worker', 'a')]
    await redis.hset(keys.cluster, 'partitions', 64)
    await expect.poll(() => ousted.length, { timeout: 5_000 }).toBe(2)
    expect(ousted[0]).toMatch(/^The data have 64 partitions by now, .*TIDEGATE_PARTITIONS=64\.$/)
    expect([gateway.isOusted, worker.isOusted]).toEqual([true, true])
  })

  it('B-CONTRACT-9 one that runs beside a contract that has more, or was taken back, is not', async () => {
    const older = await start('gateway', 'a')
    await start('worker', 'ab')
    const waiting = start('gateway', 'ab')
    await Promise.all([take(0, 1), take(1, 1)])
    const newer = await waiting
    await writeContract(() => redis, { hash: 'a', record: '{"hash":"a"}', isBack: true })
    await expect.poll(() => older.generation, { timeout: 5_000 }).toBe(2)
    await expect.poll(() => newer.latest, { timeout: 5_000 }).toBe(2)
    expect(ousted).toEqual([])
  })

  it('B-CONTRACT-8 data of a version before generations are of the first; nothing passes its processes', async () => {
    await redis.set(keys.contract, 'a', 'PX', 60_000)
    await redis.set(keys.contractRecord, '{"hash":"a"}')
    const rolling = start('worker', 'ab')
    await expect(rolling).rejects.toThrow(/Restart all of them with this version and their config first\.$/)
    expect((await start('worker', 'a')).generation).toBe(0)
    expect(await readContract(() => redis)).toMatchObject({ hash: 'a', record: '{"hash":"a"}' })
  }, 20_000)

  it('B-CONTRACT-8 workers of contracts that a head does not name any more are of this version all the same', async () => {
    const lost = { generation: 2, hash: 'ab', isRolling: false, before: {}, withdrawn: [] } satisfies ContractHead
    await redis.hset(keys.contractHead, { state: JSON.stringify(lost), record: '{"hash":"ab"}' })
    const now = await redisNow(redis)
    await redis.hset(keys.contractLive, { 1: now, 2: now })
    for (const key of [keys.workers, keys.workersOf(1)]) await redis.zadd(key, now, 'w')
    expect((await start('worker', 'abc')).generation).toBe(3)
  })
})
