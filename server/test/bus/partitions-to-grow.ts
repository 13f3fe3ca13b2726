import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { SliceIdentity } from '../../src/bus/calls/append-request.ts'
import { openTopology } from '../../src/bus/contract/topology.ts'
import { abortGrowth, type Growth, growPartitions, partitionOf, RecordBatchBuilder } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { Redis } from '../../src/bus/redis/connection.ts'
import { placements } from '../../src/fold/index.ts'
import { logOf, openTestBus } from '../support/bus.ts'

export const [FROM, TO] = [2, 6]
/** In how many equal stretches of what goes to Redis each phase is cut, somewhere. */
const STRETCHES = { copying: 5, clearing: 2, placing: 3 }
type Phase = keyof typeof STRETCHES
const PHASES: readonly Phase[] = ['copying', 'clearing', 'placing']
export const TOPIC = 'a.reading'
export const NAMES = Array.from({ length: 40 }, (_, n) => `k${n}`)
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

/** What is grown: one Redis, or a cluster. */
export interface Grown {
  readonly url: string
  /** A connection to each of its Redis. */
  readonly nodes: readonly Redis[]
  readonly ports: readonly number[]
  /** The same, where each is reached by way of another port. */
  urlBy(ports: readonly number[]): string
}

export const growthOf = (url: string, to: number, changes: Partial<Growth> = {}): Growth => ({
  ...{ url, to, waitMs: 2_000, patienceMs: 1_000, settleMs: 0, stopped: new AbortController().signal },
  ...{ plan: () => placements(RECORD), onProgress: () => {} },
  ...changes,
})

let seq = 0
export async function append(
  redis: Redis,
  partition: number,
  topic: string,
  names: readonly string[],
  identity?: Partial<SliceIdentity>,
) {
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

export const ownOf = (partition: number, partitions = FROM) =>
  NAMES.filter((name) => partitionOf(name, partitions) === partition)

/** As an outbox has it. */
const messageFrom = (key: string) => JSON.stringify({ id: 'x', key: 'any', body: { command: 'c', cause: { key } } })

/** Something of every kind that a partition stores. */
export async function fill(redis: Redis): Promise<void> {
  await openTopology(() => redis, FROM)
  for (let p = 0; p < FROM; p++) {
    const own = ownOf(p)
    for (let n = 0; n < 5; n++) await append(redis, p, TOPIC, own.slice(n, n + 9))
    await append(redis, p, `${TOPIC}~dead`, own.slice(0, 3))
    await append(redis, p, '~answers', ['node'])
    await append(redis, p, 'a.all~partials', ['x'])
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
  await append(redis, merging, 'a.all', ['*'])
  await append(redis, merging, 'a.flow', ['*'])
}

/** Everything that is stored, but for what is drawn anew for each growth: epochs. */
export async function contentsOf(nodes: readonly Redis[]): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const redis of nodes) {
    for (const key of (await redis.keys('*')).sort()) found[key] = await storedIn(redis, key)
  }
  const epochOf = (p: number) => new Map(found[keys.meta(p)] as [string, string][] | undefined).get('epoch') ?? 'none'
  const epochs = Array.from({ length: TO }, (_, p) => epochOf(p))
  const named = (text: string) => epochs.reduce((rest, epoch, p) => rest.replaceAll(epoch, `epoch-${p}`), text)
  return JSON.parse(named(JSON.stringify(found))) as Record<string, unknown>
}

async function storedIn(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return Object.entries(await redis.hgetall(key)).sort()
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'zset':
      return redis.zrange(key, '0', '-1')
    case 'stream': {
      const info = (await redis.xinfo('STREAM', key)) as unknown[]
      return [info[info.indexOf('last-generated-id') + 1], await redis.xrange(key, '-', '+')]
    }
    default:
      return redis.get(key)
  }
}

/** Passes on to all Redis, until so many bytes have gone there: then every connection is cut, and none is let in. */
async function cutAfter(grown: Grown, bytes: number, phase?: Phase): Promise<Proxied> {
  const passed = { copying: 0, clearing: 0, placing: 0 }
  let current: Phase = 'copying'
  const sockets = new Set<Socket>()
  const passOn = (port: number) => (incoming: Socket) => {
    const outgoing = createConnection(port, '127.0.0.1')
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
  }
  const proxies = grown.ports.map((port) => createServer(passOn(port)).listen(0, '127.0.0.1'))
  await Promise.all(proxies.map((proxy) => once(proxy, 'listening')))
  const url = grown.urlBy(proxies.map((proxy) => (proxy.address() as { port: number }).port))
  const close = () => {
    for (const proxy of proxies) proxy.close()
  }
  return { url, passed, close }
}

interface Proxied {
  readonly url: string
  /** Bytes to Redis, by the phase in which they were sent; what comes before the first is the first's. */
  readonly passed: Readonly<Record<Phase, number>>
  close(): void
}

function sum(passed: Proxied['passed']): number {
  return PHASES.reduce((total, phase) => total + passed[phase], 0)
}

/**
 * Cuts the growth of what is stored somewhere in each stretch of it, and again wherever it may be, undoes it or not, and lets it
 * end. Each time it has to come to what an uncut one comes to.
 */
export async function growCut(grown: Grown): Promise<void> {
  const { url, nodes } = grown
  const original = await contentsOf(nodes)
  const dumps = await Promise.all(
    nodes.map(async (redis) => {
      const names = await redis.keys('*')
      return Promise.all(names.map(async (key) => [key, await redis.dumpBuffer(key)] as const))
    }),
  )
  const restore = async () => {
    for (const [i, redis] of nodes.entries()) {
      await redis.flushall()
      for (const [key, value] of dumps[i]!) await redis.restore(key, 0, value!)
    }
  }
  /** Of what says how many partitions there are. */
  const noted = async (field: string) => {
    const all = await Promise.all(nodes.map((redis) => redis.hget(keys.cluster, field).catch(() => null)))
    return all.find((one) => one !== null)
  }
  const uncut = await cutAfter(grown, Number.POSITIVE_INFINITY)
  await growPartitions(growthOf(uncut.url, TO))
  uncut.close()
  const whole = await contentsOf(nodes)
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
      () => cutAfter(grown, Math.floor(begin + first! * bytes), phase),
      ...others.map((part) => () => cutAfter(grown, Math.floor(part * sum(uncut.passed)))),
    ]
    for (const cut of cuts) {
      const through = await cut()
      await growPartitions(growthOf(through.url, TO, { waitMs: 200 })).catch(() => {})
      through.close()
      const marker = await noted('growth')
      if (marker === undefined) continue
      const { phase } = JSON.parse(marker) as { phase: string }
      phases.add(phase)
      await expect(openTestBus(url, FROM)).rejects.toThrow('tidegate partitions grow')
      await expect(growPartitions(growthOf(url, 2 * TO))).rejects.toThrow('are being divided into')
      if (phase !== 'copying') await expect(abortGrowth(growthOf(url, TO))).rejects.toThrow('are being divided into')
      else if (isUndone) {
        expect(await abortGrowth(growthOf(url, TO))).toBe(true)
        expect(await contentsOf(nodes)).toEqual(original)
      }
    }
    if ((await noted('partitions')) !== `${TO}`) await growPartitions(growthOf(url, TO))
    expect(await contentsOf(nodes)).toEqual(whole)
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
}
