import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { openSnapshots, RecordBatchBuilder } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { slotOf } from '../../src/bus/redis/hash-slot.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { PrivateRedis } from '../../src/supervisor/private-redis.ts'
import { findRedisBinary } from '../../src/supervisor/redis-binary.ts'
import { openTestBus } from '../support/bus.ts'
import { runCommand } from '../support/command-line.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITIONS = 8
const TOPIC = 'a.b'
/** A Redis reads a library of functions once. */
const LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
const QUIET = { nodeTimeoutMs: 15_000 }
const [three, two] = await Promise.all([
  RedisCluster.start({ masters: 3, ...QUIET }),
  RedisCluster.start({ masters: 2, ...QUIET }),
])
const single = await useRedis({ options: ['--repl-diskless-sync-delay', '0'] })
const folder = await mkdtemp(join(tmpdir(), 'tidegate-backup-cluster-'))
const binary = await findRedisBinary(readSettings(), () => {})
for (const node of [...three.nodes, ...two.nodes]) {
  await node.command('CONFIG', 'SET', 'repl-diskless-sync-delay', '0')
  await node.command('FUNCTION', 'LOAD', LIBRARY)
}
afterAll(async () => {
  await Promise.all([three.close(), two.close(), rm(folder, { recursive: true, force: true })])
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const all = [...Array(PARTITIONS).keys()]

/** Appends to all partitions, one after the other, until it is stopped. @returns how many of each are stored */
function appending(bus: Awaited<ReturnType<typeof openTestBus>>): {
  readonly rounds: () => number
  stop(): Promise<void>
} {
  let rounds = 0
  let isOver = false
  const append = async () => {
    for (; !isOver; rounds++) {
      for (const partition of all) {
        const builder = new RecordBatchBuilder()
        builder.addSlice([{ key: 'k', lane: 'low', time: 1, json: `{"id":"e${rounds}","key":"k","time":1,"data":{}}` }])
        const identity = { producer: 'p', session: 1, seq: rounds + 1, previous: '*' as const, checksum: 'c', ageMs: 0 }
        const batches = [{ topic: TOPIC, ...builder.build() }]
        const log = bus.log(partition, 'append')
        const request = { batches, slices: [{ batch: 0, lastIndex: 0, identity }] }
        // The first replica gives a master another identity, and whoever takes a backup asks as one.
        for (let reply = await log.append(request); reply.status !== 'ok'; reply = await log.append(request)) {
          await log.settle(reply, [])
        }
      }
    }
  }
  const running = append()
  return {
    rounds: () => rounds,
    stop: async () => {
      isOver = true
      await running
    },
  }
}

async function connected(url: string, node?: string): Promise<Redis> {
  const redis = openCommandConnection(url, 'test', node === undefined ? undefined : { node })
  cleanups.push(() => redis.disconnect())
  await untilReady(redis, 5_000)
  return redis
}

type Content = ReadonlyMap<string, string>

/** Key -> its value as Redis writes it, of several Redis. The epoch of a partition is another one after a restore. */
async function contentOf(nodes: readonly Redis[]): Promise<Content> {
  const found = new Map<string, string>()
  for (const redis of nodes) {
    for (const name of await redis.keys('*tg:*')) {
      const isMeta = name.endsWith(':meta')
      const fields = isMeta
        ? Object.entries(await redis.hgetall(name)).filter(([field]) => !field.startsWith('epoch'))
        : undefined
      found.set(name, isMeta ? JSON.stringify(fields!.sort()) : (await redis.dumpBuffer(name))!.toString('base64'))
    }
  }
  return found
}

const nodesOf = (cluster: RedisCluster) => Promise.all(cluster.nodes.map(({ url }) => connected(url)))

async function backedUp(url: string, name: string): Promise<string> {
  const file = join(folder, name)
  vi.stubEnv('REDIS_URL', url)
  const { code, err, out } = await runCommand('backup', file, '--json')
  // A slow machine sees how far it is.
  expect([code, err.replace(/^(backup|masters): .*\/s\n/gm, '')]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({ file, partitions: PARTITIONS })
  expect((await readdir(folder)).filter((one) => one.startsWith(name))).toEqual([name])
  return file
}

describe('a backup of a cluster', () => {
  it('X-BACKUP-6 X-RESTORE-6 taken under load, then of one Redis, then of another cluster - holds the same each time', async () => {
    const bus = await openTestBus(three.url, PARTITIONS)
    cleanups.push(() => bus.close())
    const load = appending(bus)
    await expect.poll(load.rounds).toBeGreaterThan(20)
    const from = await nodesOf(three)
    for (const partition of all) {
      const redis = from[three.nodes.indexOf(await three.ownerOf(keys.meta(partition)))]!
      await redis.set(keys.owned(partition, 'large'), 'x'.repeat(100_000), 'EX', 1_000)
    }
    const first = await backedUp(three.url, 'three.rdb')
    const rounds = load.rounds()
    await expect.poll(load.rounds).toBeGreaterThan(rounds + 5)
    await load.stop()

    vi.stubEnv('REDIS_URL', single.server.url)
    expect(await runCommand('restore', first)).toMatchObject({ code: 0 })
    for (const partition of all) {
      const redis = from[three.nodes.indexOf(await three.ownerOf(keys.meta(partition)))]!
      const log = keys.log(partition, TOPIC)
      const [whole, part] = await Promise.all([redis, single.redis].map((one) => one.xrange(log, '-', '+')))
      expect(part!.length).toBeGreaterThan(20)
      expect(part).toEqual(whole!.slice(0, part!.length))
      expect(whole!.length).toBeGreaterThan(part!.length)
      expect(await single.redis.ttl(keys.owned(partition, 'large'))).toBeGreaterThan(900)
    }

    const content = await contentOf([single.redis])
    expect(content.size).toBeGreaterThan(3 * PARTITIONS)
    const second = await backedUp(single.server.url, 'single.rdb')
    vi.stubEnv('REDIS_URL', two.url)
    expect(await runCommand('restore', second)).toMatchObject({ code: 0 })
    const to = await nodesOf(two)
    expect(await contentOf(to)).toEqual(content)
    expect(Math.min(...(await Promise.all(to.map((redis) => redis.dbsize()))))).toBeGreaterThan(PARTITIONS)
    expect(await runCommand('restore', second)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/has data of Tidegate already/),
    })

    const third = await backedUp(two.url, 'two.rdb')
    const dataFolder = join(folder, 'data')
    vi.stubEnv('REDIS_URL', undefined)
    expect(await runCommand('restore', third, '--data', dataFolder)).toMatchObject({ code: 0 })
    const own = await PrivateRedis.open({ binary, dataFolder })
    cleanups.push(() => own.close({ deadlineMs: 5_000 }))
    expect(await contentOf([await connected(own.url)])).toEqual(content)
  })

  it('B-SNAPSHOT-5 during which a slot moved is refused, and so is one while a slot is on its way', async () => {
    const bus = await openTestBus(three.url, PARTITIONS)
    cleanups.push(() => bus.close())
    const stopped = new AbortController().signal
    const open = () => openSnapshots({ url: three.url, waitMs: 5_000, silenceMs: 5_000, stopped })
    const slot = slotOf(keys.meta(0))
    const before = await three.ownerOfSlot(slot)
    const other = three.nodes.find((node) => node !== before)!
    const { each, confirm } = await open()
    for (const { pieces } of each) for await (const _ of pieces);
    await confirm()
    await three.moveSlot(slot, other)
    await expect(confirm()).rejects.toThrow(/or moved meanwhile/)
    await other.command('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', await before.id())
    await expect(open()).rejects.toThrow(/A slot of the cluster moves/)
    await other.command('CLUSTER', 'SETSLOT', String(slot), 'STABLE')
  })
})
