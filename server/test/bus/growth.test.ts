import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { openTopology } from '../../src/bus/contract/topology.ts'
import {
  abortGrowth,
  BatchReader,
  type Growth,
  growPartitions,
  partitionOf,
  previewGrowth,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { decodeAncestors } from '../../src/bus/log/ancestors.ts'
import { placements } from '../../src/fold/index.ts'
import { logOf, openTestBus } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'
import { append, contentsOf, FROM, fill, growCut, growthOf, ownOf, TO, TOPIC } from './partitions-to-grow.ts'

const { server, redis } = await useRedis()
// What is named as ours counts as a process of the deployment.
await redis.client('SETNAME', 'test')
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const growthTo = (to: number, changes: Partial<Growth> = {}): Growth => growthOf(server.url, to, changes)
const contents = () => contentsOf([redis])

describe('growth', () => {
  it('B-GROW-1 B-GROW-3 W-GROW-1 W-GROW-2 everything lies with the partition of its key; what belongs to a partition, an id or a name is where it is looked for', async () => {
    await fill(redis)
    const logs = Array.from({ length: FROM }, (_, p) => redis.xrange(keys.log(p, TOPIC), '-', '+'))
    const before = (await Promise.all(logs)).map((entries) => new Map(entries))
    const lastIds = (await contents())[keys.log(0, 'a.keyed')] as [string]
    const report = await growPartitions(growthTo(TO))
    expect(report).toMatchObject({ from: FROM, to: TO, free: undefined })
    expect(report!.needed).toBeGreaterThan(report!.stored)
    expect(await redis.hgetall(keys.cluster)).toEqual({ partitions: `${TO}` })
    expect(await redis.keys('tg:grown:*')).toEqual([])
    for (let p = 0; p < TO; p++) {
      const parent = p % FROM
      const own = ownOf(p, TO).sort()
      const hash = async (name: string) => Object.keys(await redis.hgetall(keys.owned(p, name))).sort()
      expect(await hash('win:a.keyed')).toEqual(own.map((name) => `100:${name}`).sort())
      expect(await hash('win:a.hop')).toEqual([...own.map((name) => `s100:${name}`), 'closing'].sort())
      expect(await hash('win:a.all')).toEqual(p < FROM ? ['100:*'] : [])
      expect(await hash('win:a.site~partials')).toEqual(own.map((name) => `100:${parent}:${name}`).sort())
      expect(await hash('cur:a.keyed')).toEqual(own)
      expect(await hash('entity:shop')).toEqual(own)
      expect(await hash('outbox')).toEqual(own.map((name) => `7${name.slice(1)}`).sort())
      expect(await hash('answers')).toEqual([`command-${parent}`])
      expect(await redis.zrange(keys.owned(p, 'index:shop:by'), '0', '-1')).toEqual(own.map((name) => `v\0${name}`))
      for (const name of own)
        expect(await redis.lrange(keys.owned(p, `trail:shop:${name}`), 0, -1)).toEqual(['first', name])
      const merges = p === partitionOf('a.all', TO)
      expect(await hash('win:a.all~partials')).toEqual(merges ? ['100:0:*'] : [])
      for (const topic of ['a.all', 'a.flow']) expect(await redis.xlen(keys.log(p, topic))).toBe(merges ? 1 : 0)
      expect(await redis.xlen(keys.log(p, '~answers'))).toBe(1)
      expect(await redis.xlen(keys.log(p, 'a.all~partials'))).toBe(p < FROM ? 1 : 0)
      const meta = await redis.hgetall(keys.meta(p))
      expect(meta).toMatchObject({ offsets: `{"${TOPIC}":"5-0"}`, clocks: `{"of":${parent}}`, released: '1' })
      expect([meta.token, meta.bytes]).toEqual([undefined, undefined])
      const heads = await logOf(redis, p).heads([TOPIC, 'a.keyed'])
      expect([...heads.topics].map(([, { lastId }]) => lastId)).toEqual([
        [...before[parent]!.keys()].at(-1),
        parent === 0 ? lastIds[0] : expect.any(String),
      ])
      const entries = await redis.xrange(keys.log(p, TOPIC), '-', '+')
      const readable = entries.filter(([, fields]) => !fields.includes('torn'))
      expect(entries.length - readable.length).toBe(p < FROM ? 1 : 0)
      for (const entry of await logOf(redis, p).range(TOPIC, '-', '+', 1_000)) {
        if (entry.header === 'torn') continue
        const reader = new BatchReader(entry)
        const former = before[parent]!.get(entry.streamId)!
        const wholeKeys = JSON.parse(former[former.indexOf('h') + 1]!).k as string[]
        expect(entry.epoch).toBe(meta.epoch)
        const kept = wholeKeys.flatMap((key, index) => (partitionOf(key, TO) === p ? [[index, key]] : []))
        expect(reader.header.keys.flatMap((key, index) => (reader.refused.has(index) ? [] : [[index, key]]))).toEqual(
          kept,
        )
      }
    }
  })

  it('B-GROW-4 a frame that is sent again is recognised in every partition that its events lie in now', async () => {
    await openTopology(() => redis, FROM)
    const own = ownOf(0)
    const [first, second] = [
      { producer: 'sdk', sequence: '7', checksum: 'one', seq: 1 },
      { producer: 'sdk', sequence: '7', checksum: 'two', seq: 2 },
    ]
    const key = { producer: 'http key', checksum: 'whole', seq: 1 }
    for (const identity of [first, second, key])
      expect(await append(redis, 0, TOPIC, own, identity)).toMatchObject({ verdict: 'new' })
    await growPartitions(growthTo(TO))
    const children = [0, 2, 4]
    for (const child of children) {
      const part = own.filter((name) => partitionOf(name, TO) === child)
      for (const identity of [first, second, key]) {
        expect(await append(redis, child, TOPIC, part, { ...identity, ageMs: 100 })).toMatchObject({
          verdict: 'duplicate',
        })
      }
      expect(await append(redis, child, TOPIC, part, { ...key, checksum: 'other' })).toMatchObject({
        verdict: 'conflict',
      })
      expect(await append(redis, child, TOPIC, part, { ...second, seq: 3, previous: 2 })).toMatchObject({
        verdict: 'new',
      })
    }
  })

  it('B-GROW-4 what a partition has sent to others, those that come of it have sent, and they continue with its numbers', async () => {
    await openTopology(() => redis, FROM)
    const own = ownOf(0)
    const sent = (partition: number, number: number) => ({
      producer: `~then:${partition}`,
      sequence: '1',
      seq: number,
      ageMs: 0,
    })
    for (const number of [3, 5]) await append(redis, 0, '~commands', own, sent(1, number))
    await growPartitions(growthTo(TO))
    for (const child of [0, 2, 4]) {
      const part = own.filter((name) => partitionOf(name, TO) === child)
      for (const sender of [1, 3, 5]) {
        for (const number of [3, 5]) {
          expect(await append(redis, child, '~commands', part, sent(sender, number))).toMatchObject({
            verdict: 'duplicate',
          })
        }
        expect(await append(redis, child, '~commands', part, sent(sender, 6))).toMatchObject({ verdict: 'new' })
      }
      expect(await append(redis, child, '~commands', part, sent(0, 3))).toMatchObject({ verdict: 'new' })
    }
  })

  it('B-GROW-5 B-GROW-8 wherever it is cut, and however often, run again it comes to the same; nobody starts in between, and until it is decided it can be undone', async () => {
    await fill(redis)
    const urlBy = ([port]: readonly number[]) => `redis://127.0.0.1:${port}`
    await growCut({ url: server.url, nodes: [redis], ports: [server.port], urlBy })
  }, 60_000)

  it('B-GROW-9 it is done and undone with the rights of its page alone', async () => {
    await fill(redis)
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
    await redis.call('ACL', ...(/^ACL (SETUSER tidegate-growth .*)$/m.exec(page)![1]!.split(' ') as ['SETUSER']))
    closing.push(() => redis.call('ACL', 'DELUSER', 'tidegate-growth'))
    await redis.call('ACL', 'LOG', 'RESET')
    const url = server.url.replace('//', '//tidegate-growth:PASSWORD@')
    const stop = new AbortController()
    const cut = growthTo(TO, { url, stopped: stop.signal, onProgress: () => stop.abort(new Error('cut')) })
    await expect(growPartitions(cut)).rejects.toThrow('cut')
    expect(await abortGrowth(growthTo(TO, { url }))).toBe(true)
    await growPartitions(growthTo(TO, { url }))
    expect(await redis.call('ACL', 'LOG')).toEqual([])
  })

  it('B-GROW-6 it is refused with what to do while a process is connected, also a suspended one, and where something was stored meanwhile', async () => {
    await fill(redis)
    const bus = await openTestBus(server.url, FROM)
    // That of another deployment.
    const other = await openTestBus(`${server.url}/1`, FROM)
    closing.push(() => [bus, other].map((one) => one.close()))
    const original = await contents()
    await expect(growPartitions(growthTo(TO, { patienceMs: 0 }))).rejects.toThrow(
      /Processes of this deployment use this Redis: test\S* at 127.*Stop gateways/,
    )
    expect(await contents()).toEqual(original)
    bus.close()
    let isFirst = true
    const onProgress = () => {
      if (isFirst) void redis.xadd(keys.log(0, TOPIC), '*', 'e', 'x', 'h', '', 'd', '')
      isFirst = false
    }
    await expect(growPartitions(growthTo(TO, { onProgress }))).rejects.toThrow('Something was stored')
    await growPartitions(growthTo(TO))
    expect(await redis.hget(keys.cluster, 'partitions')).toBe(`${TO}`)
  })

  it.each([
    [FROM, 'have 2 partitions already'],
    [1, 'cannot get fewer'],
    [5, 'choose a multiple, such as 4 or 8'],
  ])('B-GROW-6 to %d partitions is refused: %s', async (to, expected) => {
    await openTopology(() => redis, FROM)
    await expect(growPartitions(growthTo(to))).rejects.toThrow(expected)
    await expect(previewGrowth(growthTo(to))).rejects.toThrow(expected)
  })

  it('B-GROW-6 nothing happens without data or a record, at an unknown key, with a backfill under way, and without room', async () => {
    await expect(growPartitions(growthTo(TO))).rejects.toThrow('holds no data of Tidegate')
    await fill(redis)
    const original = await contents()
    const refused = async (expected: string, growth = growthTo(TO)) => {
      await expect(growPartitions(growth)).rejects.toThrow(expected)
    }
    await refused('It is not known what these data are of', growthTo(TO, { plan: placements }))
    await redis.set(keys.owned(0, 'later'), 'x')
    await refused('stores later in a partition')
    await redis.del(keys.owned(0, 'later'))
    await redis.sadd(keys.backfills, '1 a.keyed')
    await redis.hset(keys.backfill(1, 'a.keyed'), 'status', 'open')
    await refused('A backfill of a.keyed is under way')
    await redis.del(keys.backfills, keys.backfill(1, 'a.keyed'))
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
    await redis.config('SET', 'maxmemory', `${used + 1_024}`)
    closing.push(() => redis.config('SET', 'maxmemory', '0'))
    await refused('raise maxmemory meanwhile')
    expect(await contents()).toEqual(original)
  })

  it('B-GROW-7 partitions that were divided twice know both: ids of the time before are not missed', async () => {
    await openTopology(() => redis, FROM)
    const { entry, epoch } = await append(redis, 0, TOPIC, ownOf(0))
    await growPartitions(growthTo(2 * FROM))
    const epochs = await redis.hget(keys.meta(2), 'epoch')
    await growPartitions(growthTo(4 * FROM))
    for (const partition of [0, 2, 4, 6]) {
      const line = decodeAncestors(await redis.hget(keys.meta(partition), 'ancestors'))
      expect(line.map((one) => one.partition)).toEqual([0, partition % 4])
      expect(line[0]).toMatchObject({ epoch, ends: { [TOPIC]: entry.split('.')[0] } })
      if (partition % 4 === 2) expect(line[0]!.became).toBe(epochs)
      expect(line[1]!.became).toBe(await redis.hget(keys.meta(partition), 'epoch'))
      const known = { topic: TOPIC, epoch: line[1]!.became, streamId: entry.split('.')[0]! }
      expect(await logOf(redis, partition).missing([known])).toEqual([])
      const lost = { ...known, streamId: '9999999999999-0' }
      expect(await logOf(redis, partition).missing([lost])).toEqual([lost])
    }
  })
})
