import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeAncestors } from '../../src/bus/ancestors.ts'
import type { SliceIdentity } from '../../src/bus/append-request.ts'
import {
  abortGrowth,
  BatchReader,
  type Growth,
  growPartitions,
  partitionOf,
  previewGrowth,
  RecordBatchBuilder,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openTopology } from '../../src/bus/topology.ts'
import { placements } from '../../src/fold/index.ts'
import { logOf, openTestBus } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

const [FROM, TO] = [2, 6]
/** In how many equal stretches of what goes to Redis each phase is cut, somewhere. */
const STRETCHES = { copying: 5, clearing: 2, placing: 3 }
type Phase = keyof typeof STRETCHES
const PHASES: readonly Phase[] = ['copying', 'clearing', 'placing']
const TOPIC = 'a.reading'
const NAMES = Array.from({ length: 40 }, (_, n) => `k${n}`)
/** As the config of a deployment records it. */
const RECORD = JSON.stringify({
  hash: 'x',
  topics: [
    { name: TOPIC, kind: 'source', retentionMs: 1 },
    { name: 'a.keyed', kind: 'window', from: [TOPIC], spec: { groupBy: 'key' } },
    { name: 'a.hop', kind: 'window', from: [TOPIC], spec: { groupBy: 'key' } },
    { name: 'a.all', kind: 'window', from: [TOPIC], spec: { groupBy: 'all' } },
    { name: 'a.site', kind: 'window', from: [TOPIC], spec: { groupBy: { field: 'site' } } },
    { name: 'a.late', kind: 'late', from: [TOPIC], window: 'a.all' },
    { name: 'a.flow', kind: 'flow', from: 'a.all' },
  ],
  entities: [],
})

const { server, redis } = await useRedis()
// What is named as ours counts as a process of the deployment.
await redis.client('SETNAME', 'test')
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const growthTo = (to: number, changes: Partial<Growth> = {}): Growth => ({
  ...{ url: server.url, to, waitMs: 2_000, patienceMs: 1_000, settleMs: 0, stopped: new AbortController().signal },
  ...{ plan: () => placements(RECORD), onProgress: () => {} },
  ...changes,
})

let seq = 0
async function append(partition: number, topic: string, names: readonly string[], identity?: Partial<SliceIdentity>) {
  const builder = new RecordBatchBuilder()
  builder.addSlice(
    names.map((key, i) => ({ key, lane: 'normal', time: i, json: `{"id":"${key}-${++seq}","key":"${key}"}` })),
  )
  const full: SliceIdentity = {
    producer: 'p',
    session: 1,
    seq,
    previous: '*',
    checksum: 'c',
    ageMs: undefined,
    ...identity,
  }
  const slices = [{ batch: 0, lastIndex: names.length - 1, identity: full }]
  const reply = await logOf(redis, partition, 'append').append({ batches: [{ topic, ...builder.build() }], slices })
  if (reply.status !== 'ok') throw new Error(reply.status)
  return { ...reply.slices[0]!, epoch: reply.epoch }
}

const ownOf = (partition: number, partitions = FROM) =>
  NAMES.filter((name) => partitionOf(name, partitions) === partition)

/** As an outbox has it. */
const messageFrom = (key: string) => JSON.stringify({ id: 'x', key: 'any', body: { command: 'c', cause: { key } } })

/** Something of every kind that a partition stores. */
async function fill(): Promise<void> {
  await openTopology(() => redis, FROM)
  for (let p = 0; p < FROM; p++) {
    const own = ownOf(p)
    for (let n = 0; n < 5; n++) await append(p, TOPIC, own.slice(n, n + 9))
    await append(p, `${TOPIC}~dead`, own.slice(0, 3))
    await append(p, '~answers', ['node'])
    await append(p, 'a.all~partials', ['x'])
    await redis.xadd(keys.log(p, TOPIC), '*', 'e', 'x', 'h', 'torn', 'd', 'x')
    // Trimmed: its end is known by its id alone.
    const id = await redis.xadd(keys.log(p, 'a.keyed'), '*', 'e', 'x', 'h', '', 'd', '')
    await redis.xdel(keys.log(p, 'a.keyed'), id!)
    for (const name of own) {
      await redis.hset(keys.owned(p, 'win:a.keyed'), `100:${name}`, `keyed ${name}`)
      await redis.hset(keys.owned(p, 'win:a.hop'), { [`s100:${name}`]: name, closing: '100' })
      await redis.hset(keys.owned(p, 'win:a.all'), '100:*', `part ${p}`)
      await redis.hset(keys.owned(p, 'win:a.site~partials'), `100:${p}:${name}`, name)
      await redis.hset(keys.owned(p, 'cur:a.keyed'), name, `1-1.0 {"key":"${name}"}`)
      await redis.hset(keys.owned(p, 'entity:shop'), name, `record ${name}`)
      await redis.rpush(keys.owned(p, `trail:shop:${name}`), 'first', name)
      await redis.hset(keys.owned(p, 'outbox'), `7${name.slice(1)}`, messageFrom(name))
      await redis.zadd(keys.owned(p, 'index:shop:by'), 0, `v\0${name}`)
    }
    await redis.hset(keys.owned(p, 'answers'), `command-${p}`, 'tag 1-1.0')
    await redis.hset(keys.meta(p), 'offsets', `{"${TOPIC}":"5-0"}`, 'clocks', `{"of":${p}}`, 'token', 't', 'bytes', 9)
  }
  const merging = partitionOf('a.all', FROM)
  await redis.hset(keys.owned(merging, 'win:a.all~partials'), '100:0:*', 'merged')
  await append(merging, 'a.all', ['*'])
  await append(merging, 'a.flow', ['*'])
}

/** Everything that is stored, but for what is drawn anew for each growth: epochs. */
async function contents(): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  const epochs: string[] = []
  for (let p = 0; p < TO; p++) epochs.push((await redis.hget(keys.meta(p), 'epoch')) ?? 'none')
  const named = (text: string) => epochs.reduce((rest, epoch, p) => rest.replaceAll(epoch, `epoch-${p}`), text)
  for (const key of (await redis.keys('*')).sort()) {
    const type = await redis.type(key)
    if (type === 'hash')
      found[key] = Object.entries(await redis.hgetall(key))
        .map(([k, v]) => [k, named(v)])
        .sort()
    else if (type === 'list') found[key] = await redis.lrange(key, 0, -1)
    else if (type === 'zset') found[key] = await redis.zrange(key, '0', '-1')
    else if (type === 'stream') {
      const info = (await redis.xinfo('STREAM', key)) as unknown[]
      const last = info[info.indexOf('last-generated-id') + 1]
      found[key] = [last, (await redis.xrange(key, '-', '+')).map(([id, fields]) => [id, fields.map(named)])]
    } else found[key] = await redis.get(key)
  }
  return found
}

/** Passes on to Redis, until so many bytes have gone there: then every connection is cut, and none is let in. */
async function cutAfter(bytes: number, phase?: Phase): Promise<Proxied> {
  const passed = { copying: 0, clearing: 0, placing: 0 }
  let current: Phase = 'copying'
  const sockets = new Set<Socket>()
  const proxy = createServer((incoming) => {
    const outgoing = createConnection(server.port, '127.0.0.1')
    for (const socket of [incoming, outgoing]) sockets.add(socket.on('error', () => {}))
    incoming.on('data', (piece) => {
      const before = phase === undefined ? sum(passed) : passed[phase]
      const room = phase === undefined || phase === current ? Math.max(0, bytes - before) : piece.length
      passed[current] += piece.length
      if (room > 0) outgoing.write(piece.subarray(0, room))
      if (room < piece.length) for (const socket of sockets) socket.destroy()
      current = PHASES.find((name) => piece.includes(`"phase":"${name}"`)) ?? current
    })
    outgoing.pipe(incoming)
    incoming.on('close', () => outgoing.end())
    outgoing.on('close', () => incoming.destroy())
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  closing.push(() => proxy.close())
  const { port } = proxy.address() as { port: number }
  return { url: `redis://127.0.0.1:${port}`, passed }
}

interface Proxied {
  readonly url: string
  /** Bytes to Redis, by the phase in which they were sent; what comes before the first is the first's. */
  readonly passed: Readonly<Record<Phase, number>>
}

function sum(passed: Proxied['passed']): number {
  return PHASES.reduce((total, phase) => total + passed[phase], 0)
}

describe('growth', () => {
  it('B-GROW-1 B-GROW-3 W-GROW-1 W-GROW-2 everything lies with the partition of its key; what belongs to a partition, an id or a name is where it is looked for', async () => {
    await fill()
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
      expect(await append(0, TOPIC, own, identity)).toMatchObject({ verdict: 'new' })
    await growPartitions(growthTo(TO))
    const children = [0, 2, 4]
    for (const child of children) {
      const part = own.filter((name) => partitionOf(name, TO) === child)
      for (const identity of [first, second, key]) {
        expect(await append(child, TOPIC, part, { ...identity, ageMs: 100 })).toMatchObject({ verdict: 'duplicate' })
      }
      expect(await append(child, TOPIC, part, { ...key, checksum: 'other' })).toMatchObject({ verdict: 'conflict' })
      expect(await append(child, TOPIC, part, { ...second, seq: 3, previous: 2 })).toMatchObject({ verdict: 'new' })
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
    for (const number of [3, 5]) await append(0, '~commands', own, sent(1, number))
    await growPartitions(growthTo(TO))
    for (const child of [0, 2, 4]) {
      const part = own.filter((name) => partitionOf(name, TO) === child)
      for (const sender of [1, 3, 5]) {
        for (const number of [3, 5]) {
          expect(await append(child, '~commands', part, sent(sender, number))).toMatchObject({ verdict: 'duplicate' })
        }
        expect(await append(child, '~commands', part, sent(sender, 6))).toMatchObject({ verdict: 'new' })
      }
      expect(await append(child, '~commands', part, sent(0, 3))).toMatchObject({ verdict: 'new' })
    }
  })

  it('B-GROW-5 B-GROW-8 wherever it is cut, and however often, run again it comes to the same; nobody starts in between, and until it is decided it can be undone', async () => {
    await fill()
    const original = await contents()
    const dump = await Promise.all(
      (await redis.keys('*')).map(async (key) => [key, await redis.dumpBuffer(key)] as const),
    )
    const restore = async () => {
      await redis.flushall()
      for (const [key, value] of dump) await redis.restore(key, 0, value!)
    }
    const uncut = await cutAfter(Number.POSITIVE_INFINITY)
    await growPartitions(growthTo(TO, { url: uncut.url }))
    const grown = await contents()
    const stretches = PHASES.flatMap((phase) => {
      const bytes = uncut.passed[phase] / STRETCHES[phase]
      return Array.from({ length: STRETCHES[phase] }, (_, n) => ({ phase, begin: n * bytes, bytes }))
    })
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    const phases = new Set<string>()
    /** Cuts one somewhere in a stretch of it, then again wherever the rest of the shares say, and lets the last one end. */
    const cutWithin = async (
      { phase, begin, bytes }: (typeof stretches)[number],
      [first, ...others]: readonly number[],
      isUndone: boolean,
    ) => {
      await restore()
      const cuts = [
        () => cutAfter(Math.floor(begin + first! * bytes), phase),
        ...others.map((part) => () => cutAfter(Math.floor(part * sum(uncut.passed)))),
      ]
      for (const cut of cuts) {
        const { url } = await cut()
        await growPartitions(growthTo(TO, { url, waitMs: 200 })).catch(() => {})
        const marker = await redis.hget(keys.cluster, 'growth')
        if (marker === null) continue
        const { phase } = JSON.parse(marker) as { phase: string }
        phases.add(phase)
        await expect(openTestBus(server.url, FROM)).rejects.toThrow('tidegate partitions grow')
        await expect(growPartitions(growthTo(2 * TO))).rejects.toThrow('are being divided into')
        if (phase !== 'copying') await expect(abortGrowth(growthTo(TO))).rejects.toThrow('are being divided into')
        else if (isUndone) {
          expect(await abortGrowth(growthTo(TO))).toBe(true)
          expect(await contents()).toEqual(original)
        }
      }
      if ((await redis.hget(keys.cluster, 'partitions')) !== `${TO}`) await growPartitions(growthTo(TO))
      expect(await contents()).toEqual(grown)
    }
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(...stretches.map(() => fc.array(share, { minLength: 1, maxLength: 2 }))),
        fc.boolean(),
        async (cuts, isUndone) => {
          for (const [n, shares] of cuts.entries()) await cutWithin(stretches[n]!, shares, isUndone)
        },
      ),
      { numRuns: 1, endOnFailure: true },
    )
    expect(phases).toEqual(new Set(PHASES))
  }, 60_000)

  it('B-GROW-9 it is done and undone with the rights of its page alone', async () => {
    await fill()
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
    await fill()
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

  it('B-GROW-6 nothing happens without data or a record, in a cluster, at an unknown key, with a backfill under way, and without room', async () => {
    await expect(growPartitions(growthTo(TO))).rejects.toThrow('holds no data of Tidegate')
    await expect(growPartitions(growthTo(TO, { url: 'redis+cluster://127.0.0.1:1' }))).rejects.toThrow(
      'of a cluster cannot',
    )
    await fill()
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
    const { entry, epoch } = await append(0, TOPIC, ownOf(0))
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
