import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { firstHead } from '../../src/bus/contract/contract-head.ts'
import { keys } from '../../src/bus/keys.ts'
import { redisNow } from '../../src/bus/redis/redis-time.ts'
import { claimOf } from '../../src/config/changes/claim.ts'
import { contractDifferences, type Difference } from '../../src/config/changes/contract-differences.ts'
import { describeContract } from '../../src/config/changes/describe.ts'
import type { Contract } from '../../src/config/contract/model.ts'
import { defineConfig, entity, topic } from '../../src/index.ts'
import { runCommand } from '../support/command-line.ts'
import { useRedis } from '../support/use-redis.ts'

const { server, redis } = await useRedis({ partitions: 1 })
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(import.meta.dirname, 'config-'))
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

let count = 0
/** Another file each time: a module is loaded once. */
async function configFile(text: string): Promise<string> {
  const file = join(folder, `c${++count}.config.ts`)
  await writeFile(file, text)
  return file
}
const IMPORTS = "import { z } from 'zod'\nimport { defineConfig, topic } from '../../../src/index.ts'\n"
const reading = (retention: string, type: string) =>
  `${IMPORTS}const reading = topic('a.reading', { schema: z.object({ id: z.string(), v: z.${type}() }), key: 'id', retention: '${retention}' })
export default defineConfig({ topics: [reading] })\n`

describe('tidegate config check', () => {
  it('X-CHECK-1 a config that can be used - says what it has', async () => {
    const { code, out } = await runCommand('config', 'check', '--config', await configFile(reading('1h', 'number')))
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/\.config\.ts: 1 topics \(1 source\), 0 entities, contract [0-9a-f]{16}\n$/),
    ])
  })

  it.each([
    [
      'a declaration',
      `${IMPORTS}\nexport default defineConfig({ topics: [topic('A', { schema: z.object({ id: z.string() }), key: 'id' })] })`,
      /^c\d\.config\.ts:4: A: .* \[bad_name\]\n$/,
    ],
    [
      'an error',
      `${IMPORTS}\nthrow new Error('no luck')`,
      /^c\d\.config\.ts:4: config: .*cannot be loaded: no luck \[not_loaded\]\n$/,
    ],
    [
      'a mistake of syntax',
      `${IMPORTS}\nconst = 3`,
      /^c\d\.config\.ts:4: config: .*cannot be loaded: .* \[not_loaded\]\n$/,
    ],
    ['no config', 'export default 3', /\.config\.ts: config: .*must export defineConfig/],
  ])('X-CHECK-1 %s - is shown with file and line, and ends with 1', async (_, text, expected) => {
    const file = await configFile(text)
    const { code, err } = await runCommand('config', 'check', '--config', file)
    expect(err).toMatch(expected)
    expect(code).toBe(1)
    const { out } = await runCommand('config', 'check', '--json', '--config', file)
    expect(JSON.parse(out)).toMatchObject({ ok: false, problems: [{ message: expect.any(String) }] })
  })
})

/** As if processes with it were alive. */
async function run(contract: Contract): Promise<void> {
  const { hash, record } = claimOf(contract)
  await redis.hset(keys.contractHead, { state: JSON.stringify(firstHead(hash)), record })
  // A heartbeat ahead of the clock counts as one behind it: it is alive for 9 s.
  await redis.hset(keys.contractLive, 0, (await redisNow(redis)) + 4_000)
}

describe('tidegate config accept', () => {
  const accept = async (text: string) => {
    vi.stubEnv('REDIS_URL', server.url)
    return runCommand('config', 'accept', '--config', await configFile(text))
  }
  const fields = z.object({ id: z.string(), v: z.number() })
  const read = topic('a.reading', { schema: fields, key: 'id', retention: '1h' })
  const more = topic('a.more', { schema: fields, key: 'id' })

  it('X-ACCEPT-1 goes back to a config that has less, and forth again', async () => {
    expect(await accept(reading('1h', 'number'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/has run on this Redis/),
    })
    await run(defineConfig({ topics: [read, more] }).contract)
    const back = await accept(reading('1h', 'number'))
    expect(back).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^Contract [0-9a-f]{16} is the one to run, without topic a\.more\. Start workers with it/,
      ),
    })
    const state = JSON.parse((await redis.hget(keys.contractHead, 'state'))!)
    expect(state).toMatchObject({ generation: 1, withdrawn: [defineConfig({ topics: [read, more] }).contract.hash] })
  })

  it('X-ACCEPT-1 changes nothing where the two cannot run side by side, or an entity would go', async () => {
    await run(defineConfig({ topics: [read] }).contract)
    const before = await redis.hgetall(keys.contractHead)
    expect((await accept(reading('1h', 'string'))).err).toMatch(/the two cannot run side by side/)
    expect(await redis.hgetall(keys.contractHead)).toEqual(before)
    const thing = entity('thing', {
      key: 'id',
      version: 1,
      state: { initial: {} },
      events: { seen: z.object({}) },
      evolve: { seen: (state) => state },
      commands: { see: { input: z.object({}), decide: () => [{ type: 'seen', data: {} }] } },
    })
    await run(defineConfig({ topics: [read], entities: [thing] }).contract)
    expect((await accept(reading('1h', 'number'))).err).toMatch(/commands to thing may wait for an answer/)
  })
})

describe('tidegate config diff', () => {
  const diff = async (text: string) => {
    vi.stubEnv('REDIS_URL', server.url)
    return runCommand('config', 'diff', '--config', await configFile(text))
  }

  it('X-DIFF-1 X-DIFF-2 nothing, something compatible, something incompatible', async () => {
    expect(await diff(reading('1h', 'number'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/has run on this Redis/),
    })
    const { contract } = defineConfig({
      topics: [topic('a.reading', { schema: z.object({ id: z.string(), v: z.number() }), key: 'id', retention: '1h' })],
    })
    await run(contract)
    expect(await diff(reading('1h', 'number'))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^running: .*\nNothing differs/),
    })
    const longer = await diff(reading('2h', 'number'))
    expect(longer.code).toBe(0)
    expect(longer.out).toMatch(/^~ topic a\.reading: retentionMs \(compatible\)\n {4}Workers trim by it/m)
    expect(longer.out).toMatch(/^Compatible: restart/m)
    await run(contract)
    const more = await diff(
      reading('1h', 'number').replace(
        '[reading]',
        "[reading, topic('a.more', { schema: z.object({ id: z.string() }), key: 'id' })]",
      ),
    )
    expect(more).toMatchObject({ code: 0, out: expect.stringMatching(/^\+ topic a\.more \(rolling\)\n {4}It begins/m) })
    expect(more.out).toMatch(/^Rolling: replace workers, then gateways, one by one/m)
    const other = await diff(reading('1h', 'string'))
    expect(other.code).toBe(1)
    expect(other.out).toMatch(/^~ topic a\.reading: schema\n {4}Stored events stay/m)
    expect(other.out).toMatch(/^Incompatible: .*Stop the gateways, then the workers; start workers, then gateways/m)
    await redis.del(keys.contractLive)
    expect((await diff(reading('1h', 'string'))).out).toMatch(/^ran last: .*\n(.*\n)+Nothing runs/)
  })
})

describe('contractDifferences', () => {
  const schema = z.object({ id: z.string(), kind: z.string(), v: z.number() })
  const source = topic('a.b', { schema, key: 'id' })
  const counted = z.object({ by: z.number() })
  const user = (version: number) =>
    entity('user', {
      key: 'id',
      version,
      state: { initial: { n: 0 as number } },
      events: { added: counted },
      evolve: { added: ({ n }, { by }) => ({ n: n + by }) },
      commands: { add: { input: counted, decide: (_state, data) => [{ type: 'added', data }] } },
    })
  const window = (size: '1m' | '2m') => source.window('a.sum', { tumbling: size, aggregate: { v: { sum: 'v' } } })
  const configs = {
    base: defineConfig({ topics: [source, window('1m')] }),
    key: defineConfig({ topics: [topic('a.b', { schema, key: 'kind' })] }),
    future: defineConfig({ topics: [topic('a.b', { schema, key: 'id', maxFuture: '1h' })] }),
    sourceAlone: defineConfig({ topics: [source] }),
    size: defineConfig({ topics: [source, window('2m')] }),
    entity: defineConfig({ topics: [source, window('1m')], entities: [user(1)] }),
    version: defineConfig({ topics: [source, window('1m')], entities: [user(2)] }),
  }
  const between = (a: keyof typeof configs, b: keyof typeof configs) =>
    contractDifferences(describeContract(configs[a].contract), describeContract(configs[b].contract))
  const texts = (differences: readonly Difference[]) =>
    differences.map(({ of, name, change, fields }) => [of, name, change, ...fields].join(' '))

  it('X-DIFF-1 names what is added, removed and changed', () => {
    expect(texts(between('sourceAlone', 'base'))).toEqual(['topic a.sum added', 'topic a.sum.late added'])
    expect(texts(between('base', 'sourceAlone'))).toEqual(['topic a.sum removed', 'topic a.sum.late removed'])
    expect(texts(between('sourceAlone', 'key'))).toEqual(['topic a.b changed key'])
    expect(texts(between('base', 'size'))).toEqual(['topic a.sum changed spec'])
    expect(texts(between('entity', 'version'))).toEqual(['entity user changed version'])
  })

  it('X-DIFF-2 K-CHANGE-2 what must be agreed on is what the contract hash covers', () => {
    const names = Object.keys(configs) as (keyof typeof configs)[]
    for (const a of names) {
      for (const b of names) {
        const isSame = configs[a].contract.hash === configs[b].contract.hash
        expect([a, b, between(a, b).every(({ rollout }) => rollout === 'free')]).toEqual([a, b, isSame])
      }
    }
  })
})
