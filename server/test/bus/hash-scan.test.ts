import { expect, it } from 'vitest'
import { currentHash } from '../../src/bus/hash-name.ts'
import { entityHash } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { Results } from '../../src/bus/ledger/results.ts'
import { Channel } from '../../src/bus/nodes/channel.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { untilReady } from '../../src/bus/redis/connection.ts'
import { entitiesOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const { server, redis } = await useRedis({ partitions: 1 })

/** So long that Redis does not keep the hash as a list, which it reads in one step. */
const LONG = 'x'.repeat(100)
const NAMES = Array.from({ length: 500 }, (_, i) => `key-${i}`)

/** Reads all pages, with a restart of Redis behind the first one. @returns what was found */
async function acrossRestart(page: (cursor: string) => Promise<{ found: readonly string[]; next: string }>) {
  const all = new Set<string>()
  let cursor = '0'
  do {
    const { found, next } = await page(cursor)
    for (const name of found) all.add(name)
    if (cursor === '0' && next !== '0') {
      await server.logBytes()
      await server.restart()
      await untilReady(redis, 5_000)
    }
    cursor = next
  } while (cursor !== '0')
  return all
}

it('B-SCAN-1 B-ENTITY-5 a scan of entities leaves none out where Redis was restarted between two pages', async () => {
  const hash = keys.owned(0, entityHash('user'))
  await redis.hset(hash, Object.fromEntries(NAMES.map((name) => [name, LONG])))
  const found = await acrossRestart(async (cursor) => {
    const { entities, next } = await entitiesOf(redis, 0).scan('user', cursor, 64)
    return { found: entities.map(({ key }) => key), next }
  })
  expect([...found].sort()).toEqual([...NAMES].sort())
})

it('B-SCAN-1 D-SNAP-2 Q-WINDOW-2 so does one of the latest results', async () => {
  const hash = keys.owned(0, currentHash('sensor.count'))
  await redis.hset(hash, Object.fromEntries(NAMES.map((name) => [name, `1-0.0 {"data":"${LONG}"}`])))
  const results = new Results(0, Channel.over(redis, new Guard('query')))
  const found = await acrossRestart(async (cursor) => {
    const page = await results.page('sensor.count', cursor, { results: 64, bytes: 100_000 })
    return { found: page.results.map(({ key }) => key), next: page.next }
  })
  expect([...found].sort()).toEqual([...NAMES].sort())
})
