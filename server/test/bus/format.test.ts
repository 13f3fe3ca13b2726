import { beforeEach, expect, it } from 'vitest'
import { FORMAT, GROWN_FORMAT } from '../../src/bus/contract/format.ts'
import { keys } from '../../src/bus/keys.ts'
import { version } from '../../src/package-files.ts'
import { openTestBus } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const { server, redis } = await useRedis()
beforeEach(() => redis.flushall())

it('B-FORMAT-1 a first start notes the format; data without one are of the first', async () => {
  ;(await openTestBus(server.url, 1)).close()
  expect(await redis.get(keys.format)).toBe(`${FORMAT} ${version()}`)
  await redis.del(keys.format)
  ;(await openTestBus(server.url, 1)).close()
  expect(await redis.get(keys.format)).toBe(`1 ${version()}`)
})

it.each([
  [
    `${GROWN_FORMAT + 1} 9.9.9`,
    `are of format ${GROWN_FORMAT + 1}, which Tidegate 9.9.9 brought; this is Tidegate ${version()}`,
  ],
  [`${GROWN_FORMAT + 1}`, `are of format ${GROWN_FORMAT + 1}; this is`],
  ['0', 'are of format 0; this is'],
  ['2b x', 'are of format 2b, which Tidegate x brought'],
])('B-FORMAT-1 data of format "%s" are refused by name, and stay as they are', async (format, expected) => {
  ;(await openTestBus(server.url, 1)).close()
  await redis.set(keys.format, format)
  const before = await redis.dbsize()
  await expect(openTestBus(server.url, 1)).rejects.toThrow(expected)
  // As a command of the CLI looks at it.
  await expect(openTestBus(server.url, 1, { partitions: undefined } as never)).rejects.toThrow(expected)
  expect([await redis.get(keys.format), await redis.dbsize()]).toEqual([format, before])
})
