import { expect, test, vi } from 'vitest'
import { entityHash, trailList } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { EntityFold, encodeRecord, encodeTrailEntry, newRecord } from '../../src/entities/index.ts'
import { EntityLoader } from '../../src/own/entity-loader.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { command, definition, definitions } from '../entities/counter.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const { server, redis } = await useRedis({ partitions: 1 })
const opened = useBus(server, 1)

const COUNT = 40
const LONG = 2_500
const entry = encodeTrailEntry({ type: 'added', definition: 2, data: { n: 1 }, time: 1, commandId: 'c-before' })

async function store(key: string, events: number): Promise<void> {
  await redis.rpush(keys.owned(0, trailList('counter', key)), ...Array.from({ length: events }, () => entry))
  const record = { ...newRecord(definition), version: events, time: 1, definition: 1 }
  await redis.hset(keys.owned(0, entityHash('counter')), key, encodeRecord(record))
}

test('W-ENTITY-3 trails of entities that are loaded together are read in few calls, each folded to its end', async () => {
  const short = Array.from({ length: COUNT }, (_, i) => `k-${i}`)
  await Promise.all([...short.map((key, i) => store(key, i + 1)), store('long', LONG)])
  const partition = new PartitionStore(0, opened.bus)
  const [one, several] = [vi.spyOn(partition.entities, 'trail'), vi.spyOn(partition.entities, 'trails')]
  const fold = new EntityFold({
    ...{ definitions, epoch: 'e', now: () => 2_000, incident: () => 'i', publish: () => {}, bury: () => {} },
    limited: (body) => {
      body()
      return true
    },
  })
  const commands = [...short, 'long'].map((key) => command('status', {}, { key }))
  await new EntityLoader(partition, definitions).load(fold, commands)
  expect(fold.fold(commands)).toBe(COUNT + 1)
  expect(several.mock.calls.length).toBeLessThanOrEqual(2)
  expect(one.mock.calls.every(([, key]) => key === 'long')).toBe(true)
  const [answers] = fold.takeOperations().filter(({ op }) => op === 'append')
  const replies = `${answers?.op === 'append' ? answers.payload : ''}`.match(/"reply":\{"n":(\d+)/g)
  expect(replies?.map((text) => Number(text.slice('"reply":{"n":'.length)))).toEqual(
    [...short.keys()].map((i) => i + 1).concat(LONG),
  )
})
