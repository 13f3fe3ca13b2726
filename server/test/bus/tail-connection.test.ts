import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { LogTail } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 4
const TOPIC = 'a.b'
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
let tails: LogTail[] = []

afterEach(() => {
  for (const tail of tails) tail.close()
})

async function open(): Promise<LogTail[]> {
  tails = opened.bus.tails('shared')
  await Promise.all(tails.map((tail) => tail.untilReady(5_000)))
  await Promise.all(tails.map((tail) => tail.sync([TOPIC])))
  return tails
}

const read = (tail: LogTail, blockMs = 1_000) => tail.read(new Map([[TOPIC, '0-0']]), { count: 10, blockMs })

const add = (...partitions: number[]) => {
  const writes = redis.multi()
  for (const partition of partitions) writes.xadd(keys.log(partition, TOPIC), '*', 'e', '1', 'h', '', 'd', '')
  return writes.exec()
}

const partitionsOf = async (reads: readonly Promise<readonly unknown[]>[]) =>
  (await Promise.all(reads)).map((entries) => entries.length)

async function readsOfRedis(): Promise<number> {
  return Number(/cmdstat_xread:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
}

describe('tails of one Redis', () => {
  it('B-TAIL-1 read over one connection, and what is written together takes no read for each', async () => {
    const all = await open()
    const clients = String(await redis.client('LIST')).split('\n')
    expect(clients.filter((line) => line.includes(' name=tidegate-shared')).length).toBe(1)
    const before = await readsOfRedis()
    const reads = all.map((tail) => read(tail))
    await sleep(50)
    await add(0, 1, 2, 3)
    expect(await partitionsOf(reads)).toEqual([1, 1, 1, 1])
    // The one that waits ends with the first log; the next one finds the others.
    expect((await readsOfRedis()) - before).toBeLessThan(PARTITIONS)
  })

  it('B-TAIL-1 one that begins to wait gets what comes, though a read without it is under way', async () => {
    const [first, second, third] = await open()
    const waiting = read(first!)
    await sleep(50)
    const startedAt = performance.now()
    const late = [read(second!), read(third!)]
    await add(1, 2)
    expect(await partitionsOf(late)).toEqual([1, 1])
    expect(performance.now() - startedAt).toBeLessThan(500)
    await add(0)
    expect(await partitionsOf([waiting])).toEqual([1])
  })

  it('B-TAIL-1 one that is woken ends its own read, and the others read on', async () => {
    const [first, second] = await open()
    const [woken, other] = [read(first!), read(second!)]
    await sleep(50)
    first!.wake()
    expect(await woken).toEqual([])
    await add(1)
    expect(await partitionsOf([other])).toEqual([1])
  })

  it('B-TAIL-1 one without entries is answered in time, however much the others get', async () => {
    const [first, second] = await open()
    const startedAt = performance.now()
    const nothing = read(first!, 200)
    let isOver = false
    const busy = (async () => {
      for (; !isOver; await add(1)) await read(second!, 200)
    })()
    expect(await nothing).toEqual([])
    expect(performance.now() - startedAt).toBeLessThan(900)
    isOver = true
    await busy
  })

  it('B-TAIL-1 commands are answered while a read waits', async () => {
    const [first, second] = await open()
    const waiting = read(first!)
    await sleep(50)
    const startedAt = performance.now()
    await second!.sync([TOPIC])
    expect(performance.now() - startedAt).toBeLessThan(500)
    await add(0)
    expect(await partitionsOf([waiting])).toEqual([1])
  })

  it('B-TAIL-2 a log that Redis refuses to read fails the tail of its partition alone', async () => {
    const all = await open()
    await redis.set(keys.log(2, TOPIC), 'foreign')
    await add(0, 1, 3)
    const reads = await Promise.allSettled(all.map((tail) => read(tail)))
    expect(reads).toMatchObject([
      { value: [{ topic: TOPIC }] },
      { value: [{ topic: TOPIC }] },
      { reason: { message: expect.stringMatching(/^WRONGTYPE/) } },
      { value: [{ topic: TOPIC }] },
    ])
    expect(all[0]!.synced).toBe(true)
  })

  it('B-TAIL-1 the connection stays until the last of them is closed', async () => {
    const [first, ...others] = await open()
    const ended = read(first!)
    first!.close()
    expect(await ended).toEqual([])
    await add(1, 2, 3)
    expect(await partitionsOf(others.map((tail) => read(tail)))).toEqual([1, 1, 1])
  })
})
