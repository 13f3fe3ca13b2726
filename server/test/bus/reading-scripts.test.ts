import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sourceFiles } from '../../../scripts/source-files.ts'
import { withDeadline } from '../../src/bus/deadline.ts'
import { LUA } from '../../src/package-files.ts'
import { logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const { redis } = await useRedis({ partitions: 1 })

/** It asks whether writes are taken. */
const ASKS_FOR_WRITES = 'may-write'

const loaded = sourceFiles('.ts')
  .filter(({ path }) => path.startsWith('server/src/bus/'))
  .flatMap(({ text }) => {
    const [, shared = ''] = /const PARTS = (\[.*\])/.exec(text) ?? []
    const calls = [...text.matchAll(/= loadScript\('([\w-]+)'(?:, (\{.*?\}))?\)/g)]
    return calls.map(([, name, options = '']) => ({ name, options: options.replace('PARTS', shared) }))
  })
  .map(({ name, options }) => {
    const parts = [name!, ...[...options.matchAll(/'([\w-]+)'/g)].map(([, part]) => part!)]
    const source = parts.map((part) => readFileSync(join(LUA, `${part}.lua`), 'utf8')).join('\n')
    return { name: name!, source, isReading: options.includes('isReading: true') }
  })

it('B-REDIS-8 every script that only reads - says so to Redis', async () => {
  expect(loaded.length).toBeGreaterThan(30)
  const called = loaded.map(({ source }) =>
    [...source.matchAll(/redis\.p?call\(\s*(?:'(\w+)')?/g)].map(([, name]) => name),
  )
  const names = [...new Set(called.flat())].flatMap((name) => name ?? [])
  const infos = (await redis.call('COMMAND', 'INFO', ...names)) as readonly [string, number, readonly string[]][]
  const writes = new Map(infos.map(([, , flags], i) => [names[i]!, flags.includes('write')]))
  const others = loaded.filter(({ name, isReading }, i) => {
    const onlyReads = called[i]!.every((command) => command !== undefined && !writes.get(command))
    return isReading !== onlyReads && name !== ASKS_FOR_WRITES
  })
  expect(others.map(({ name }) => name)).toEqual([])
})

it('B-REDIS-8 one that holds writes back - answers what reads', async () => {
  const log = logOf(redis, 0)
  await log.sizes(['a'])
  await redis.call('CLIENT', 'PAUSE', '5000', 'WRITE')
  try {
    expect(await withDeadline(2_000, log.sizes(['a']))).toBeDefined()
  } finally {
    await redis.call('CLIENT', 'UNPAUSE')
  }
})
