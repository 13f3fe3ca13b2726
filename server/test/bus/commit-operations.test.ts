import { describe, expect, it } from 'vitest'
import {
  ANSWERS_HASH,
  ANSWERS_PREVIOUS_HASH,
  ANSWERS_TOPIC,
  BusMismatch,
  type CommitOperation,
  type CommitRequest,
  entityHash,
  indexMember,
  indexSet,
  trailList,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { OTHER_LOGS } from './other-logs.ts'
import { ownLedger } from './owned-ledger.ts'

const [TRAIL, INDEX, RECORDS] = [trailList('user', 'ann'), indexSet('user', 'email'), entityHash('user')]
const owned = (name: string) => keys.owned(0, name)
const ODD_TEXTS = ['', 'plain', 'with\nline', '\r\n', 'back\\n\\', 'nul\0inside', '\0', 'ключ 🔑', '-1', '0']

const own = await ownLedger()

const push = (base: number, ...items: readonly string[]): CommitOperation => ({ op: 'push', list: TRAIL, base, items })
const index = (remove: readonly string[], add: readonly string[]): CommitOperation => ({
  op: 'index',
  index: INDEX,
  remove,
  add,
})
const set = (hash: string, ...fields: [string, string][]): CommitOperation => ({ op: 'set', hash, fields })
const rotate: CommitOperation = { op: 'rename', from: ANSWERS_HASH, to: ANSWERS_PREVIOUS_HASH }
const answer = (...fields: readonly string[]): CommitOperation => ({
  op: 'append',
  topic: ANSWERS_TOPIC,
  header: 'h',
  payload: Buffer.from('p'),
  watermark: undefined,
  latest: [],
  places: { hash: ANSWERS_HASH, entries: fields.map((field, i) => ({ field, tag: `t${i}`, index: i })) },
})
/** One of each. */
const EACH = [rotate, set(RECORDS, ['ann', '{}']), push(0, 'e'), index([], ['a\0ann']), answer('id')]

const trail = () => own.redis.lrange(owned(TRAIL), 0, -1)
const members = () => own.redis.zrange(owned(INDEX), 0, '-1')

/** Everything in Redis but what a heartbeat renews. */
async function everything(): Promise<unknown> {
  const names = (await own.redis.keys('*')).sort()
  return Promise.all(names.map(async (name) => [name, await contentOf(name)]))
}

/** A hash keeps its fields in no order: what is asked between moves them. */
async function contentOf(name: string): Promise<unknown> {
  const isHash = (await own.redis.type(name)) === 'hash'
  return isHash ? Object.entries(await own.redis.hgetall(name)).sort() : own.redis.dump(name)
}

async function refusesWhole(request: CommitRequest, status: string): Promise<void> {
  const before = await everything()
  expect(await own.send(request)).toEqual({ status })
  expect(await everything()).toEqual(before)
}

async function refusesType(...operations: readonly CommitOperation[]): Promise<void> {
  const before = await everything()
  await expect(own.commit(...operations)).rejects.toThrow(BusMismatch)
  expect(await everything()).toEqual(before)
}

describe('commit: pushes', () => {
  it('B-COMMIT-8 adds items to the end of a list, whatever is in them', async () => {
    await own.commit(push(0, ...ODD_TEXTS))
    await own.commit(push(ODD_TEXTS.length, 'last'))
    expect(await trail()).toEqual([...ODD_TEXTS, 'last'])
  })

  it.each([
    ['longer', 1],
    ['shorter', 3],
  ])(
    'B-COMMIT-8 a list that is %s than the commit builds on is a conflict, and nothing is written',
    async (_, base) => {
      await own.commit(push(0, 'a', 'b'))
      await refusesWhole(own.request([...EACH.filter(({ op }) => op !== 'push'), push(base, 'c')]), 'conflict')
      expect(await own.commit(push(2, 'c'))).toMatchObject({ status: 'ok' })
    },
  )

  it('B-COMMIT-13 items are removed from the beginning once others are added', async () => {
    await own.commit(push(0, 'a', 'b', 'c'))
    await own.commit({ op: 'push', list: TRAIL, base: 3, items: ['d', 'e'], dropped: 4 })
    expect(await trail()).toEqual(['e'])
    await refusesWhole(own.request([{ op: 'push', list: TRAIL, base: 2, items: [], dropped: 1 }]), 'conflict')
    await own.commit({ op: 'push', list: TRAIL, base: 1, items: ['f'], dropped: 1 }, push(1, 'g'))
    expect(await trail()).toEqual(['f', 'g'])
  })

  it('B-COMMIT-8 a push without items compares the length, and writes nothing', async () => {
    expect(await own.commit(push(0))).toMatchObject({ status: 'ok' })
    expect(await own.redis.exists(owned(TRAIL))).toBe(0)
    await refusesWhole(own.request([push(1)]), 'conflict')
  })

  it('B-COMMIT-7 B-COMMIT-8 a length is that which the operations before it leave', async () => {
    await own.commit(push(0, 'a'), push(1, 'b', 'c'))
    expect(await trail()).toEqual(['a', 'b', 'c'])
    await own.commit(push(3, 'd'), { op: 'drop', hash: TRAIL }, push(0, 'e'))
    expect(await trail()).toEqual(['e'])
    await refusesWhole(own.request([{ op: 'drop', hash: TRAIL }, push(1, 'f')]), 'conflict')
    const old = trailList('user', 'old')
    await own.commit({ op: 'push', list: old, base: 0, items: ['x', 'y'] })
    await own.commit(push(2, 'z'), { op: 'rename', from: old, to: TRAIL })
    expect(await trail()).toEqual(['x', 'y', 'z'])
  })

  it('B-COMMIT-8 takes 4,000 items, for one list or for as many', async () => {
    const items = Array.from({ length: 4_000 }, (_, i) => `item ${i}`)
    await own.commit(push(0, ...items))
    expect(await trail()).toEqual(items)
    const lists = items.map((item) => trailList('user', item))
    await own.commit(...lists.map((list): CommitOperation => ({ op: 'push', list, base: 0, items: [list] })))
    expect(await own.redis.lrange(owned(lists[3_999]!), 0, -1)).toEqual([lists[3_999]])
    const last: CommitOperation = { op: 'push', list: lists[3_999]!, base: 0, items: ['again'] }
    const again = lists.slice(0, -1).map((list): CommitOperation => ({ op: 'push', list, base: 1, items: [list] }))
    expect(await own.commit(...again, last)).toEqual({ status: 'conflict' })
    expect(await own.redis.llen(owned(lists[0]!))).toBe(1)
  })
})

describe('commit: indexes', () => {
  it('B-COMMIT-9 removes members of a sorted set, then adds others, in the order of their bytes', async () => {
    const all = ODD_TEXTS.map((text) => indexMember('v', text))
    await own.commit(index([], all))
    const inOrder = [...all].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(await members()).toEqual(inOrder)
    expect(await own.redis.zcount(owned(INDEX), 0, 0)).toBe(all.length)
    await own.commit(index(all, [all[1]!, 'v\0new']))
    expect(await members()).toEqual(['v\0new', all[1]])
    await own.commit(index([all[1]!, 'v\0new', 'v\0never'], []))
    expect(await own.redis.exists(owned(INDEX))).toBe(0)
  })

  it('B-COMMIT-9 takes more members than a Lua call takes arguments', async () => {
    const many = Array.from({ length: 9_000 }, (_, i) => `v\0${i}`)
    await own.commit(index([], many))
    expect(await own.redis.zcard(owned(INDEX))).toBe(9_000)
    await own.commit(index(many, []))
    expect(await own.redis.exists(owned(INDEX))).toBe(0)
  })
})

describe('commit: places and generations', () => {
  const hash = (name: string) => own.redis.hgetall(owned(name))

  it('B-COMMIT-10 notes where events of an appended entry lie, whatever their fields', async () => {
    const reply = await own.commit(answer('first'), answer(...ODD_TEXTS))
    const ids = reply.status === 'ok' ? reply.ids : []
    expect(ids).toHaveLength(2)
    const noted = ODD_TEXTS.map((field, i) => [field, `t${i} ${ids[1]}.${i}`])
    expect(await hash(ANSWERS_HASH)).toEqual({ first: `t0 ${ids[0]}.0`, ...Object.fromEntries(noted) })
  })

  it('B-COMMIT-10 notes 4,000 places of one entry', async () => {
    await own.commit(answer(...Array.from({ length: 4_000 }, (_, i) => `id-${i}`)))
    expect(await own.redis.hlen(owned(ANSWERS_HASH))).toBe(4_000)
    expect(await own.redis.hget(owned(ANSWERS_HASH), 'id-3999')).toMatch(/^t3999 \d+-\d+\.3999$/)
  })

  it('B-COMMIT-11 a rename applies before all else: what the commit adds is of the new generation', async () => {
    await own.commit(answer('a'))
    await own.commit(answer('b'), rotate)
    expect([Object.keys(await hash(ANSWERS_HASH)), Object.keys(await hash(ANSWERS_PREVIOUS_HASH))]).toEqual([
      ['b'],
      ['a'],
    ])
    await own.commit(answer('c'), rotate)
    expect([Object.keys(await hash(ANSWERS_HASH)), Object.keys(await hash(ANSWERS_PREVIOUS_HASH))]).toEqual([
      ['c'],
      ['b'],
    ])
  })

  it('B-COMMIT-11 without anything to rename, what it would replace is removed', async () => {
    await own.commit(answer('a'))
    await own.commit(rotate)
    await own.commit(rotate)
    expect(await own.redis.exists(owned(ANSWERS_HASH), owned(ANSWERS_PREVIOUS_HASH))).toBe(0)
  })
})

describe('commit: drops', () => {
  it('B-COMMIT-12 removes hashes, lists and sorted sets', async () => {
    await own.commit(...EACH)
    const names = [RECORDS, TRAIL, INDEX, ANSWERS_HASH]
    expect(await own.redis.exists(...names.map(owned))).toBe(4)
    await own.commit(...names.map((name): CommitOperation => ({ op: 'drop', hash: name })))
    expect(await own.redis.exists(...names.map(owned))).toBe(0)
  })
})

describe('commit: all of them', () => {
  it('B-COMMIT-1 B-COMMIT-2 a commit that is sent again is answered with its first outcome, and written once', async () => {
    const request = own.request(EACH)
    const first = await own.send(request)
    const after = await everything()
    expect(await own.send(request)).toEqual(first)
    expect(await everything()).toEqual(after)
    expect([await trail(), await members()]).toEqual([['e'], ['a\0ann']])
  })

  const REFUSED: readonly (readonly [string, string, () => Partial<CommitRequest>])[] = [
    ['of another owner', 'fenced', () => ({ token: '1:0' })],
    ['on another commit', 'conflict', () => ({ commitSeq: 7 })],
    ...OTHER_LOGS.map(([what, was]) => [`of ${what}`, 'lineage', () => ({ log: { ...own.log, ...was } })] as const),
  ]
  it.each(REFUSED)('B-COMMIT-3 B-LINEAGE-6 one %s leaves everything as it is', async (_, status, changes) => {
    await own.commit(answer('a'), push(0, 'e'))
    const operations = [rotate, push(1, 'f'), index([], ['a\0ann']), answer('b')]
    await refusesWhole(own.request(operations, changes()), status)
  })

  it.each([
    ['a trail', TRAIL, 'string'],
    ['a trail', TRAIL, 'hash'],
    ['an index', INDEX, 'set'],
    ['the records', RECORDS, 'list'],
    ['the answers', ANSWERS_HASH, 'string'],
    ['the answers of the generation before', ANSWERS_PREVIOUS_HASH, 'stream'],
    ['the log of answers', keys.log(0, ANSWERS_TOPIC).slice(owned('').length), 'hash'],
  ])('B-COMMIT-4 a foreign type in place of %s refuses the whole commit: %s is a %s', async (_, name, type) => {
    await makeForeign(owned(name), type)
    await refusesType(...EACH)
  })

  it('B-COMMIT-7 a key that a commit uses as two types refuses it whole, also when it is new', async () => {
    await refusesType(set(RECORDS, ['a', '1']), push(0, 'a'), { op: 'set', hash: TRAIL, fields: [['a', '1']] })
    await refusesType({ op: 'index', index: TRAIL, add: ['a'], remove: [] }, push(0, 'a'))
    const places = { hash: TRAIL, entries: [{ field: 'a', tag: 't', index: 0 }] }
    await refusesType(push(0, 'a'), { ...answer('a'), places } as CommitOperation)
  })

  it('B-COMMIT-7 a rename brings its type along', async () => {
    await own.commit(set('old', ['a', '1']))
    await refusesType({ op: 'rename', from: 'old', to: TRAIL }, push(0, 'a'))
    const operations: CommitOperation[] = [{ op: 'rename', from: 'old', to: 'new' }, push(0, 'a')]
    await own.commit({ op: 'push', list: 'old', base: 0, items: ['a'] }, ...operations)
    expect(await own.redis.type(owned('new'))).toBe('hash')
    expect(await own.redis.lrange(owned('old'), 0, -1)).toEqual(['a'])
  })

  it('B-COMMIT-12 a key that is none of a ledger is not removed', async () => {
    await own.redis.set(owned('foreign'), 'x')
    await refusesType(push(0, 'a'), { op: 'drop', hash: 'foreign' })
    await refusesType(push(0, 'a'), { op: 'rename', from: 'foreign', to: 'new' })
  })

  it('B-ENTITY-6 all of them go through while Redis is over maxmemory', async () => {
    await own.redis.config('SET', 'maxmemory', '1')
    try {
      await expect(own.redis.rpush('any', 'thing')).rejects.toThrow(/OOM/)
      expect(await own.commit(...EACH)).toMatchObject({ status: 'ok' })
      expect(await own.commit(rotate, push(1, 'f'))).toMatchObject({ status: 'ok' })
      expect([await trail(), await members()]).toEqual([['e', 'f'], ['a\0ann']])
    } finally {
      await own.redis.config('SET', 'maxmemory', '0')
    }
  })
})

async function makeForeign(key: string, type: string): Promise<void> {
  const { redis } = own
  switch (type) {
    case 'string':
      await redis.set(key, 'x')
      break
    case 'hash':
      await redis.hset(key, 'x', 'y')
      break
    case 'set':
      await redis.sadd(key, 'x')
      break
    case 'list':
      await redis.rpush(key, 'x')
      break
    case 'stream':
      await redis.xadd(key, '*', 'x', 'y')
  }
}
