import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Rights } from '../../src/access/index.ts'
import { indexMember, indexSet } from '../../src/bus/entities/entity-name.ts'
import { type Bus, partitionOf, trailList } from '../../src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { defineConfig, entity } from '../../src/index.ts'
import { answerQuery, type CallerQueries, Queries } from '../../src/queries/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { counter, definition } from '../entities/counter.ts'
import { openTestBus } from '../support/bus.ts'
import { EntityDeployment, type SentCommand } from '../support/entities.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

const PARTITIONS = 4
/** Shows less than its state, and fails for one of them. */
const account = entity('account', {
  key: 'accountId',
  version: 1,
  state: { initial: { owner: '', secret: '' } },
  events: { opened: z.object({ owner: z.string(), secret: z.string() }) },
  evolve: { opened: (_state, { owner, secret }) => ({ owner, secret }) as never },
  commands: {
    open: {
      input: z.object({ owner: z.string(), secret: z.string() }),
      decide: (_state, data) => [{ type: 'opened', data }],
    },
  },
  view: ({ owner }: { owner: string }): object => {
    if (owner === 'endless') for (;;);
    if (owner === 'throws') throw new Error('no view')
    const toJSON = () => {
      for (;;);
    }
    return owner === 'toJSON' ? { toJSON } : { owner }
  },
  indexes: { secret: ({ secret }: { secret: string }) => secret || undefined },
})
/** The same, and says who opened it; it fails for one of them. */
const shared = entity('shared', {
  ...account['~entity'].options,
  version: 2,
  upcast: { opened: { 1: ({ by, secret }: { by: string; secret: string }) => ({ owner: by, secret }) } },
  public: ({ data }: { data: { owner: string } }) => {
    if (data.owner === 'bob') throw new Error('no public')
    if (data.owner === 'slow') for (const endsAt = performance.now() + 3; performance.now() < endsAt; );
    return { owner: data.owner }
  },
} as never)
const { contract } = defineConfig({ topics: [], entities: [counter, account, shared] })
const reported: unknown[] = []
let server: TestRedis
let redis: Redis
let bus: Bus
let worker: RunningWorker
let deployment: EntityDeployment
let queries: CallerQueries

beforeAll(async () => {
  server = await startTestRedis()
  redis = openCommandConnection(server.url, 'test')
  await untilReady(redis, 5_000)
  bus = await openTestBus(server.url, PARTITIONS)
  deployment = new EntityDeployment(bus)
  queries = new Queries(bus, contract, (_where, error) => `id-${reported.push(error)}`).of(Rights.EVERYTHING)
  worker = await startWorker({ redisUrl: server.url, partitions: PARTITIONS, workerId: 'w', log: () => {} }, contract)
})
afterAll(async () => {
  await worker.close({ deadlineMs: 2_000 })
  bus.close()
  redis.disconnect()
  await server.close()
})

let ids = 0
const sent = (key: string, command: string, input: unknown, name = 'counter'): SentCommand => ({
  id: `c-${ids++}`,
  key,
  entity: name,
  command,
  input,
})

async function run(...commands: SentCommand[]): Promise<void> {
  await deployment.send(commands)
  await deployment.answered(commands.map(({ id }) => id))
}

const ask = (name: string, params: object) => answerQuery(queries, name, params as Record<string, unknown>)
const entityOf = (key: string, params: object = {}) => ask('entity', { name: 'counter', key, ...params })

/** A trail of `shared` that is so long. */
async function lengthen(key: string, owner: string, length: number): Promise<void> {
  await run(sent(key, 'open', { owner, secret: '' }, 'shared'))
  const item = JSON.stringify({ e: 'opened', v: 2, d: { owner, secret: '' }, t: 1, c: 'c-more' })
  const list = `{tg:${partitionOf(key, PARTITIONS)}}:${trailList('shared', key)}`
  await redis.rpush(list, ...Array.from({ length: length - 1 }, () => item))
}

describe('queries of entities', () => {
  test('Q-ENTITY-1 entity - the view as the last commit left it', async () => {
    await run(sent('now', 'add', { n: 3 }), sent('now', 'add', { n: 4 }))
    expect(await entityOf('now')).toMatchObject({
      type: 'result',
      data: { key: 'now', version: 2, epoch: expect.any(String), view: { n: 7, label: '' } },
    })
    expect(await entityOf('nobody')).toMatchObject({ type: 'error', code: 'not_found' })
    expect(await ask('entity', { name: 'none', key: 'a' })).toMatchObject({ code: 'not_found' })
    expect(await ask('entity', { name: 'counter' })).toMatchObject({ code: 'invalid_frame' })
  })

  test('Q-ENTITY-2 entity - at every version, and at every time, the fold of the trail up to there', async () => {
    await run(...Array.from({ length: 30 }, (_, n) => sent('past', 'add', { n })))
    await run(...Array.from({ length: 30 }, () => sent('past', 'add', { n: 1 })))
    const trail = await deployment.trail('counter', 'past')
    const sums = [0]
    for (const { data } of trail) sums.push(sums.at(-1)! + (data as { n: number }).n)
    for (let version = 1; version <= 60; version += 7) {
      const expected = { data: { version, view: { n: sums[version], label: '' } } }
      expect(await entityOf('past', { version })).toMatchObject(expected)
      const at = trail[version - 1]!.time
      const last = trail.filter(({ time }) => time <= at).length
      expect(await entityOf('past', { at })).toMatchObject({ data: { version: last, view: { n: sums[last] } } })
    }
    expect(await entityOf('past', { at: trail[0]!.time - 1 })).toMatchObject({ code: 'not_found' })
    expect(await entityOf('past', { version: 61 })).toMatchObject({ code: 'not_found' })
    expect(await entityOf('past', { version: 1, at: 1 })).toMatchObject({ code: 'invalid_frame' })
  })

  test('Q-ENTITY-2 entity - a state of another definition is folded anew', async () => {
    await run(sent('old', 'add', { n: 4 }))
    await redis.hset(`{tg:${partitionOf('old', PARTITIONS)}}:entity:counter`, 'old', '{"v":1,"t":0,"d":1,"s":{"n":9}}')
    expect(await entityOf('old')).toMatchObject({ data: { version: 1, view: { n: 4 } } })
  })

  test('Q-ENTITY-3 entity - minVersion waits for it', async () => {
    const waiting = entityOf('soon', { minVersion: '2' })
    await run(sent('soon', 'add', { n: 1 }), sent('soon', 'add', { n: 1 }))
    expect(await waiting).toMatchObject({ data: { version: 2 } })
    const { epoch } = ((await entityOf('soon')) as { data: { epoch: string } }).data
    expect(await entityOf('soon', { minVersion: `2@${epoch}` })).toMatchObject({ data: { version: 2 } })
    expect(await entityOf('soon', { minVersion: '1@before' })).toMatchObject({ code: 'epoch_changed' })
    expect(await entityOf('soon', { minVersion: 'x' })).toMatchObject({ code: 'invalid_frame' })
    expect(await entityOf('soon', { minVersion: 3 })).toMatchObject({ code: 'unavailable', retryable: true })
  })

  test('Q-ENTITY-4 entityHistory - every event once, in pages', async () => {
    await run(...Array.from({ length: 25 }, (_, n) => sent('told', 'add', { n })))
    const events: { version: number; data: { n: number } }[] = []
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const page = (await ask('entityHistory', { name: 'counter', key: 'told', after, limit: 10 })) as {
        data: typeof events
        next?: string
      }
      events.push(...page.data)
      after = page.next
    }
    expect(events.map(({ version, data }) => [version, data.n])).toEqual(
      Array.from({ length: 25 }, (_, n) => [n + 1, n]),
    )
    expect(await ask('entityHistory', { name: 'counter', key: 'nobody' })).toMatchObject({ code: 'not_found' })
  })

  test('Q-ENTITY-4 entityHistory - what a view leaves out leaves by no other door', async () => {
    await run(sent('a', 'open', { owner: 'ann', secret: 'hush' }, 'account'))
    const answers = [
      await ask('entity', { name: 'account', key: 'a' }),
      await ask('entityHistory', { name: 'account', key: 'a' }),
      ...(await deployment.answers()).values(),
    ]
    expect(answers[0]).toMatchObject({ data: { view: { owner: 'ann' } } })
    expect(JSON.stringify(answers)).not.toContain('hush')
  })

  test('E-PUBLIC-2 entityHistory - shows of every version what public makes of the present one', async () => {
    await run(...['ann', 'bob'].map((key) => sent(key, 'open', { owner: 'cat', secret: 'hush' }, 'shared')))
    for (const by of ['ann', 'bob']) {
      const first = JSON.stringify({ e: 'opened', v: 1, d: { by, secret: 'hush' }, t: 1, c: 'c-old' })
      await redis.lset(`{tg:${partitionOf(by, PARTITIONS)}}:${trailList('shared', by)}`, 0, first)
    }
    await run(sent('ann', 'open', { owner: 'dan', secret: 'hush' }, 'shared'))
    const history = (key: string) => ask('entityHistory', { name: 'shared', key })
    const old = { version: 1, type: 'opened', time: 1, commandId: 'c-old', definition: 1, data: { owner: 'ann' } }
    const ann = (await history('ann')) as { data: object[] }
    expect(ann.data).toEqual([old, expect.objectContaining({ version: 2, data: { owner: 'dan' } })])
    const { data: _, ...line } = old
    expect(await history('bob')).toEqual({
      type: 'result',
      data: [{ ...line, failed: expect.stringContaining('id-') }],
    })
    expect(String(reported.pop())).toContain('no public')
  })

  test('Q-ENTITY-5 findEntities - over all partitions, each once, in pages', async () => {
    const keys = Array.from({ length: 23 }, (_, n) => `f-${String(n).padStart(2, '0')}`)
    await run(...keys.map((key) => sent(key, 'label', { label: 'red' })), sent('g', 'label', { label: 'redder' }))
    const found: string[] = []
    for (let after: string | undefined = '0:'; after !== undefined; ) {
      const params = { name: 'counter', index: 'label', value: 'red', limit: 5, after }
      const page = (await ask('findEntities', params)) as { data: { key: string; view: object }[]; next?: string }
      expect(page.data.length).toBeLessThanOrEqual(5)
      found.push(...page.data.map(({ key }) => key))
      after = page.next
    }
    expect(found.sort()).toEqual(keys)
    const none = { name: 'counter', index: 'label', value: 'green' }
    expect(await ask('findEntities', none)).toEqual({ type: 'result', data: [] })
    expect(await ask('findEntities', { ...none, index: 'size' })).toMatchObject({ code: 'invalid_frame' })
    expect(definition.indexes.has('label')).toBe(true)
  })

  test('Q-ENTITY-5 findEntities - one that was erased since the index was read is left out', async () => {
    const [kept, erased] = ['kept', 'erased']
    await run(...[kept, erased].map((key) => sent(key, 'label', { label: 'brown' })), sent(erased, '~erase', {}))
    // The index as the reader found it before the erasure.
    const index = `{tg:${partitionOf(erased, PARTITIONS)}}:${indexSet('counter', 'label')}`
    await redis.zadd(index, 0, indexMember('brown', erased))
    const params = { name: 'counter', index: 'label', value: 'brown' }
    expect(await ask('findEntities', params)).toMatchObject({ type: 'result', data: [{ key: kept }] })
    await redis.zrem(index, indexMember('brown', erased))
  })

  test('Q-ENTITY-5 findEntities - one that cannot be shown is named, and the others are shown', async () => {
    reported.length = 0
    const owners = ['fine', 'throws', 'endless', 'fine too']
    await run(...owners.map((owner) => sent(owner, 'open', { owner, secret: 'same' }, 'account')))
    const params = { name: 'account', index: 'secret', value: 'same' }
    const { data } = (await ask('findEntities', params)) as { data: { key: string; view?: object; failed?: string }[] }
    expect(new Map(data.map(({ key, view, failed }) => [key, view ?? failed]))).toEqual(
      new Map<string, unknown>([
        ['fine', { owner: 'fine' }],
        ['fine too', { owner: 'fine too' }],
        ['throws', expect.stringContaining('id-')],
        ['endless', expect.stringContaining('id-')],
      ]),
    )
    expect(reported).toHaveLength(2)
    reported.length = 0
  })

  test('Q-ENTITY-9 entity - an erased one is not found, and its past is erased', async () => {
    const history = (params: object = {}) => ask('entityHistory', { name: 'counter', key: 'gone', ...params })
    await run(sent('gone', 'add', { n: 1 }), sent('gone', 'label', { label: 'pale' }), sent('gone', '~erase', {}))
    expect(await entityOf('gone')).toMatchObject({ code: 'not_found' })
    expect(await history()).toMatchObject({ code: 'not_found' })
    expect(await entityOf('gone', { version: 1 })).toMatchObject({ code: 'erased' })
    expect(await ask('findEntities', { name: 'counter', index: 'label', value: 'pale' })).toMatchObject({ data: [] })
    await run(sent('gone', 'add', { n: 5 }))
    expect(await entityOf('gone')).toMatchObject({ data: { version: 4, view: { n: 5 } } })
    expect(await history()).toMatchObject({ data: [{ version: 4 }] })
    expect(await entityOf('gone', { version: 2 })).toMatchObject({ code: 'erased' })
    expect(await entityOf('gone', { at: 1 })).toMatchObject({ code: 'erased' })
  })

  test('Q-ENTITY-6 entity - code that fails is one failed query', async () => {
    await run(...['endless', 'throws', 'fine'].map((owner) => sent(owner, 'open', { owner, secret: '' }, 'account')))
    const view = (key: string) => ask('entity', { name: 'account', key })
    const startedAt = performance.now()
    expect(await Promise.all([view('endless'), view('throws'), view('fine')])).toMatchObject([
      { code: 'internal' },
      { code: 'internal' },
      { data: { view: { owner: 'fine' } } },
    ])
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect(reported).toHaveLength(2)
  })

  test('Q-ENTITY-7 entity - code that failed on a version rests for it', async () => {
    reported.length = 0
    await run(sent('late', 'open', { owner: 'toJSON', secret: '' }, 'account'))
    const view = () => ask('entity', { name: 'account', key: 'late' })
    const first = await view()
    expect(first).toMatchObject({ code: 'internal', message: expect.stringContaining('id-1') })
    expect([await view(), await view()]).toEqual([first, first])
    await run(sent('late', 'open', { owner: 'throws', secret: '' }, 'account'))
    expect(await view()).toMatchObject({ message: expect.stringContaining('id-2') })
    expect(reported).toHaveLength(2)
  })

  test('Q-ENTITY-7 entity - what failed on one version or event is no failure of the others', async () => {
    reported.length = 0
    const old = (params: object = {}) => ask('entity', { name: 'account', key: 'old', ...params })
    await run(...['throws', 'fine'].map((owner) => sent('old', 'open', { owner, secret: '' }, 'account')))
    const failure = await old({ version: 1 })
    expect(failure).toMatchObject({ code: 'internal', message: expect.stringContaining('id-1') })
    expect(await old()).toMatchObject({ data: { version: 2, view: { owner: 'fine' } } })
    expect(await old({ version: 1 })).toEqual(failure)

    const history = (params: object = {}) => ask('entityHistory', { name: 'shared', key: 'eve', ...params })
    await run(...['cat', 'dan'].map((owner) => sent('eve', 'open', { owner, secret: '' }, 'shared')))
    const first = JSON.stringify({ e: 'opened', v: 1, d: { by: 'bob', secret: '' }, t: 1, c: 'c-old' })
    await redis.lset(`{tg:${partitionOf('eve', PARTITIONS)}}:${trailList('shared', 'eve')}`, 0, first)
    const failed = { version: 1, type: 'opened', failed: expect.stringContaining('id-2') }
    const shown = { version: 2, data: { owner: 'dan' } }
    expect(await history()).toMatchObject({ data: [failed, shown] })
    expect(await history({ after: 1 })).toMatchObject({ data: [shown] })
    expect(await ask('entity', { name: 'shared', key: 'eve' })).toMatchObject({ data: { view: { owner: 'dan' } } })
    expect(await history({ limit: 1 })).toMatchObject({ data: [failed] })
    expect(reported).toHaveLength(2)
  })

  test('Q-ENTITY-10 Q-SIZE-1 entityHistory - an answer is bounded in bytes', async () => {
    await lengthen('wide', 'x'.repeat(30_000), 20)
    const pages: number[][] = []
    for (let after: string | undefined = '0'; after !== undefined; ) {
      const page = (await ask('entityHistory', { name: 'shared', key: 'wide', after })) as {
        data: { version: number }[]
        next?: string
      }
      pages.push(page.data.map(({ version }) => version))
      expect(JSON.stringify(page.data).length).toBeLessThanOrEqual(262_144)
      after = page.next
    }
    expect(pages.map(({ length }) => length)).toEqual([8, 8, 4])
    expect(pages.flat()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })

  test('Q-ENTITY-10 entityHistory - a page takes as long as its events do, not the limit of one', async () => {
    await lengthen('slow', 'slow', 80)
    const page = (await ask('entityHistory', { name: 'shared', key: 'slow' })) as { data: object[] }
    expect(page.data).toHaveLength(80)
  })
})
