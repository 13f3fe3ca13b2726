import { expect, test, vi } from 'vitest'
import { ANSWERS_HASH, ANSWERS_PREVIOUS_HASH } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { AnsweredIds, EntityFold } from '../../src/entities/index.ts'
import { learnAnswered } from '../../src/own/answered-scan.ts'
import { EntityLoader } from '../../src/own/entity-loader.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { command, definitions } from '../entities/counter.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const { server, redis } = await useRedis({ partitions: 1 })
const opened = useBus(server, 1)
const [CURRENT, PREVIOUS] = [ANSWERS_HASH, ANSWERS_PREVIOUS_HASH].map((hash) => keys.owned(0, hash)) as [string, string]
const running = new AbortController().signal

async function store(key: string, prefix: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}-${i}`)
  await redis.hset(key, ...ids.flatMap((id) => [id, 'tag 1-0.0']))
  return ids
}

test('E-ANSWER-7 once all answered commands were gone through, others are not looked up', async () => {
  const ids = await store(CURRENT, 'now', 2_500)
  const partition = new PartitionStore(0, opened.bus)
  const lookUp = vi.spyOn(partition.entities, 'answers')
  const fold = new EntityFold({
    ...{ definitions, epoch: 'e', now: () => 2_000, incident: () => 'i', publish: () => {}, bury: () => {} },
    limited: (body) => {
      body()
      return true
    },
  })
  const load = (id: string) => new EntityLoader(partition, definitions).load(fold, [command('status', {}, { id })])
  await load('new-1')
  expect(lookUp).toHaveBeenLastCalledWith(['new-1'])
  await learnAnswered(partition.entities, fold.answeredIds, running)
  await load(ids.at(-1)!)
  expect(lookUp).toHaveBeenLastCalledWith([ids.at(-1)])
  await load('new-2')
  expect(lookUp).toHaveBeenCalledTimes(2)
})

test.each([1, 2, 4])('E-ANSWER-7 a generation that ends after page %d leaves no id out', async (page) => {
  await redis.flushdb()
  await store(PREVIOUS, 'older', 1_500)
  const newer = await store(CURRENT, 'newer', 2_500)
  const { entities } = new PartitionStore(0, opened.bus)
  const ids = new AnsweredIds()
  let pages = 0
  const answered = async (...args: Parameters<typeof entities.answered>) => {
    const found = await entities.answered(...args)
    if (++pages !== page) return found
    ids.rotate()
    await redis.rename(CURRENT, PREVIOUS)
    return found
  }
  await learnAnswered({ answered }, ids, running)
  expect(pages).toBeGreaterThanOrEqual(page)
  // Those of the previous generation are gone.
  expect(newer.filter((id) => !ids.mayHave(id))).toEqual([])
  expect(ids.mayHave('unknown')).toBe(false)
})
