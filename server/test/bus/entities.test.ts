import { describe, expect, it } from 'vitest'
import { Entities } from '../../src/bus/entities/entities.ts'
import {
  ANSWERS_HASH,
  ANSWERS_PREVIOUS_HASH,
  ANSWERS_TOPIC,
  type CommitOperation,
  entityHash,
  indexMember,
  indexSet,
  trailList,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { Channel } from '../../src/bus/nodes/channel.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import { Line } from '../../src/bus/nodes/line.ts'
import { type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { entitiesOf } from '../support/bus.ts'
import { ownLedger } from './owned-ledger.ts'

const ODD_KEYS = ['plain', '', 'with\nline', 'back\\n', 'a:b', 'nul\0inside', 'ключ 🔑']
const own = await ownLedger()
const entities = () => entitiesOf(own.redis, 0)

const record = (...fields: [string, string][]): CommitOperation => ({ op: 'set', hash: entityHash('user'), fields })
const push = (key: string, base: number, ...items: readonly string[]): CommitOperation => ({
  op: 'push',
  list: trailList('user', key),
  base,
  items,
})
const index = (...members: readonly (readonly [value: string, key: string])[]): CommitOperation => ({
  op: 'index',
  index: indexSet('user', 'email'),
  add: members.map(([value, key]) => indexMember(value, key)),
  remove: [],
})
const rotate: CommitOperation = { op: 'rename', from: ANSWERS_HASH, to: ANSWERS_PREVIOUS_HASH }
const answer = (...ids: readonly string[]): CommitOperation => ({
  op: 'append',
  topic: ANSWERS_TOPIC,
  header: 'h',
  payload: Buffer.from('p'),
  watermark: undefined,
  latest: [],
  places: { hash: ANSWERS_HASH, entries: ids.map((field, i) => ({ field, tag: `tag-${i}`, index: i })) },
})

describe('entities: load', () => {
  it('B-ENTITY-1 gives record and length of the trail of each, in the order asked for', async () => {
    await own.commit(
      record(...ODD_KEYS.map((key, i): [string, string] => [key, `{"n":${i}}`])),
      ...ODD_KEYS.map((key, i) => push(key, 0, ...Array.from({ length: i }, () => 'e'))),
      push('no record', 0, 'e'),
    )
    const loaded = await entities().load('user', ['unknown', ...ODD_KEYS, 'no record', 'plain'])
    expect(loaded).toEqual([
      { record: undefined, length: 0 },
      ...ODD_KEYS.map((_, i) => ({ record: `{"n":${i}}`, length: i })),
      { record: undefined, length: 1 },
      { record: '{"n":0}', length: 0 },
    ])
    expect(await entities().load('order', ['plain'])).toEqual([{ record: undefined, length: 0 }])
    expect(await entities().load('user', [])).toEqual([])
  })

  it('B-ENTITY-1 record and length are of one moment, whatever is committed meanwhile', async () => {
    const other = own.redis.duplicate()
    let isDone = false
    const writing = (async () => {
      for (let n = 0; n < 300; n++) await own.commit(record(['ann', `${n + 1}`]), push('ann', n, 'e'))
      isDone = true
    })()
    try {
      await untilReady(other, 5_000)
      let seen = 0
      while (!isDone) {
        const [ann] = await entitiesOf(other, 0).load('user', ['ann'])
        expect(Number(ann!.record ?? 0)).toBe(ann!.length)
        seen = Math.max(seen, ann!.length)
      }
      expect(seen).toBeGreaterThan(1)
    } finally {
      await writing
      other.disconnect()
    }
  })

  it('B-ENTITY-1 B-ENTITY-2 asks for many, and for large ones, in parts', async () => {
    const names = Array.from({ length: 2_500 }, (_, i) => `key-${i}`)
    await own.commit(record(...names.map((key): [string, string] => [key, `of ${key}`])))
    const large = 'x'.repeat(60_000)
    await own.commit(record(...names.slice(0, 40).map((key): [string, string] => [key, `${key}${large}`])))
    const calls = await callsDuring(async () => {
      const loaded = await entities().load('user', names)
      expect(loaded.map(({ record: text }) => text!.replace(large, ''))).toEqual(
        names.map((key, i) => (i < 40 ? key : `of ${key}`)),
      )
    })
    expect(calls.length).toBeGreaterThanOrEqual(5)
    expect(calls.length).toBeLessThan(10)
  })
})

describe('entities: trail', () => {
  const items = Array.from({ length: 2_345 }, (_, i) => `event ${i}\n\0ключ`)

  it('B-ENTITY-2 gives the items of a range, counted from 0, and those there are', async () => {
    await own.commit(push('ann', 0, ...items))
    for (const [from, to] of [
      [0, 2_345],
      [0, 1],
      [17, 18],
      [5, 2_000],
      [2_344, 9_999],
      [999, 1_001],
      [0, 100_000],
    ] as const) {
      expect(await entities().trail('user', 'ann', from, to)).toEqual(items.slice(from, to))
    }
    for (const [from, to] of [
      [0, 0],
      [7, 7],
      [7, 3],
      [2_345, 3_000],
    ] as const) {
      expect(await entities().trail('user', 'ann', from, to)).toEqual([])
    }
    expect(await entities().trail('user', 'bob', 0, 10)).toEqual([])
  })

  it('B-ENTITY-2 one call reads about a megabyte at most', async () => {
    const large = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(60_000, 'x'))
    for (let base = 0; base < 40; base += 10) await own.commit(push('ann', base, ...large.slice(base, base + 10)))
    const calls = await callsDuring(async () => {
      expect(await entities().trail('user', 'ann', 0, 40)).toEqual(large)
    })
    expect(calls.length).toBeGreaterThan(1)
  })

  it('B-ENTITY-2 one call reads whole trails of several entities, the first ones of about a megabyte', async () => {
    const short = items.slice(0, 40)
    const large = Array.from({ length: 10 }, () => 'x'.repeat(60_000))
    await own.commit(push('ann', 0, ...short))
    await own.commit(push('bob', 0, ...large))
    await own.commit(push('cat', 0, ...large))
    await own.commit(push('dan', 0, 'last'))
    // The script is loaded.
    await entities().trails('user', ['none'])
    const calls = await callsDuring(async () => {
      expect(await entities().trails('user', ['ann', 'none', 'bob'])).toEqual([short, [], large])
    })
    expect(calls).toHaveLength(1)
    expect(await entities().trails('user', ['ann', 'bob', 'cat', 'dan'])).toEqual([short, large, large])
  })
})

describe('entities: answers', () => {
  it('B-ENTITY-3 gives the places of answers of this generation and the one before', async () => {
    const first = await own.commit(answer('a', 'b\n\\n'))
    const second = await own.commit(rotate, answer('c'))
    const [a] = first.status === 'ok' ? first.ids : []
    const [c] = second.status === 'ok' ? second.ids : []
    expect(await entities().answers(['x', 'b\n\\n', 'c', 'a', 'c'])).toEqual([
      undefined,
      { tag: 'tag-1', streamId: a, index: 1 },
      { tag: 'tag-0', streamId: c, index: 0 },
      { tag: 'tag-0', streamId: a, index: 0 },
      { tag: 'tag-0', streamId: c, index: 0 },
    ])
    await own.commit(rotate)
    expect((await entities().answers(['a', 'c'])).map((place) => place?.streamId)).toEqual([undefined, c])
    expect(await entities().answers([])).toEqual([])
  })

  it('B-ENTITY-3 looks thousands up in parts, each in both generations at one moment', async () => {
    const ids = Array.from({ length: 2_500 }, (_, i) => `id-${i}`)
    await own.commit(answer(...ids.slice(0, 1_300)))
    await own.commit(rotate, answer(...ids.slice(1_300)))
    const calls = await callsDuring(async () => {
      const places = await entities().answers(ids)
      expect(places.map((place) => place?.index)).toEqual(ids.map((_, i) => (i < 1_300 ? i : i - 1_300)))
    })
    const hashes = [keys.owned(0, ANSWERS_HASH), keys.owned(0, ANSWERS_PREVIOUS_HASH)]
    expect(calls.map(([, , , ...asked]) => [asked.slice(0, 2), asked.length - 2])).toEqual([
      [hashes, 1_000],
      [hashes, 1_000],
      [hashes, 500],
    ])
  })

  it('B-ENTITY-3 a generation that ends during a lookup hides no answer', async () => {
    await own.commit(answer('a'))
    let rotations = 0
    const channel = new BetweenReads(own.redis, async () => {
      rotations++
      await own.commit(rotate, answer(`later-${rotations}`))
    })
    const unknown = Array.from({ length: 1_000 }, (_, i) => `unknown-${i}`)
    const places = await new Entities(0, channel).answers([...unknown, 'a'])
    const found = places.at(-1)
    expect(found).toMatchObject({ tag: 'tag-0' })
    expect(places.filter((place) => place !== undefined)).toHaveLength(1)
    expect(rotations).toBe(1)
    expect((await entities().answers(['a']))[0]).toEqual(found)
  })
})

describe('entities: indexed', () => {
  const find = (value: string, options: { after?: string; count: number }) =>
    entities().indexed('user', 'email', value, options)

  it('B-ENTITY-4 gives the keys under exactly that value, whatever is in them', async () => {
    const values = ['v', '', 'v\u0001', 'v\u0002', 'va', 'V', 'ключ', 'v\n']
    await own.commit(index(...values.flatMap((value) => ODD_KEYS.map((key) => [value, key] as const))))
    const inOrder = [...ODD_KEYS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    for (const value of values) expect(await find(value, { count: 100 })).toEqual({ keys: inOrder })
    expect(await find('unknown', { count: 100 })).toEqual({ keys: [] })
    expect(await entities().indexed('user', 'name', 'v', { count: 100 })).toEqual({ keys: [] })
  })

  it('B-ENTITY-4 pages give every key once, and say when they end', async () => {
    await own.commit(index(...ODD_KEYS.map((key) => ['v', key] as const), ['w', 'other']))
    for (const count of [1, 2, 3, 6, 7, 8]) {
      const found: string[] = []
      let after: string | undefined
      do {
        const page = await find('v', { count, ...(after !== undefined && { after }) })
        expect(page.keys.length).toBeLessThanOrEqual(count)
        found.push(...page.keys)
        after = page.next
      } while (after !== undefined)
      expect(found).toHaveLength(ODD_KEYS.length)
      expect(new Set(found)).toEqual(new Set(ODD_KEYS))
    }
  })

  it('B-ENTITY-4 a page continues behind a key that is gone meanwhile', async () => {
    await own.commit(index(['v', 'a'], ['v', 'b'], ['v', 'c']))
    expect(await find('v', { count: 1 })).toEqual({ keys: ['a'], next: 'a' })
    await own.commit({ op: 'index', index: indexSet('user', 'email'), add: [], remove: [indexMember('v', 'a')] })
    expect(await find('v', { after: 'a', count: 5 })).toEqual({ keys: ['b', 'c'] })
  })
})

describe('entities: scan', () => {
  it('B-ENTITY-5 pages give every entity of a name', async () => {
    const names = [...ODD_KEYS, ...Array.from({ length: 1_500 }, (_, i) => `key-${i}`)]
    await own.commit(record(...names.map((key): [string, string] => [key, `of ${JSON.stringify(key)}`])))
    const found = new Map<string, string>()
    let cursor = '0'
    do {
      const page = await entities().scan('user', cursor, 100)
      expect(page.entities.length).toBeLessThan(400)
      for (const { key, record: text } of page.entities) found.set(key, text)
      cursor = page.next
    } while (cursor !== '0')
    expect(found).toEqual(new Map(names.map((key) => [key, `of ${JSON.stringify(key)}`])))
    expect(await entities().scan('order', '0', 100)).toEqual({ entities: [], next: '0' })
  })
})

/** Reads through to Redis, and does something between the first read and the second. */
class BetweenReads extends Channel {
  readonly #between: () => Promise<void>
  #reads = 0

  constructor(redis: Redis, between: () => Promise<void>) {
    const line = new Line(redis, new Guard('query'), false)
    super({ line: () => line, follow: async () => {} })
    this.#between = between
  }

  override async read<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#reads++ === 1) await this.#between()
    return super.read(call)
  }
}

/** Commands that Redis was sent meanwhile, but not those that scripts call. */
async function callsDuring(run: () => Promise<unknown>): Promise<string[][]> {
  const monitor = await own.redis.monitor()
  const calls: string[][] = []
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua') calls.push(args)
  })
  try {
    await run()
    // What it says comes in order: once this is there, so is all before it.
    await own.redis.echo('end')
    while (calls.at(-1)?.[0]?.toLowerCase() !== 'echo') await new Promise((resolve) => setTimeout(resolve, 5))
  } finally {
    monitor.disconnect()
  }
  return calls.slice(0, -1)
}
