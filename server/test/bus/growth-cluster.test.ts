import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { abortGrowth, growPartitions, previewGrowth } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { slotOf } from '../../src/bus/redis/hash-slot.ts'
import { copyKeys } from '../../src/bus/snapshot/index.ts'
import { openTestBus } from '../support/bus.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { useRedis } from '../support/use-redis.ts'
import { contentsOf, FROM, fill, type Grown, growCut, growthOf, TO, TOPIC } from './partitions-to-grow.ts'

const cluster = await RedisCluster.start({ masters: 3, nodeTimeoutMs: 15_000 })
const single = await useRedis()
const grown = await connected()
const { url, nodes } = grown
// What is named as ours counts as a process of the deployment.
for (const redis of [single.redis, ...nodes]) await redis.client('SETNAME', 'test')
afterAll(() => cluster.close())

async function connected(): Promise<Grown> {
  const opened = cluster.nodes.map((node) => openCommandConnection(node.url, 'test'))
  afterAll(() => {
    for (const redis of opened) redis.disconnect()
  })
  await Promise.all(opened.map((redis) => untilReady(redis, 5_000)))
  const ports = cluster.nodes.map(({ port }) => port)
  const urlBy = (others: readonly number[]) => {
    const nat = ports.map((port, i) => `127.0.0.1:${port}=127.0.0.1:${others[i]}`)
    return `redis+cluster://${others.map((port) => `127.0.0.1:${port}`).join()}?nat=${nat.join()}`
  }
  return { url: cluster.url, nodes: opened, ports, urlBy }
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})
beforeEach(async () => {
  for (const redis of nodes) await redis.flushall()
  await fill(single.redis)
  const stopped = new AbortController().signal
  await copyKeys({ from: single.server.url, to: url, waitMs: 2_000, stopped, onProgress: () => {} })
})

const at = async (key: string): Promise<Redis> => nodes[cluster.nodes.indexOf(await cluster.ownerOf(key))]!

describe('growth in a cluster', () => {
  it('B-GROW-11 comes to the same as within one Redis, with everything on the master of its slot', async () => {
    expect(await contentsOf(nodes)).toEqual(await contentsOf([single.redis]))
    const report = await growPartitions(growthOf(url, TO))
    expect(report).toMatchObject({ from: FROM, to: TO, node: expect.stringMatching(/^127\.0\.0\.1:\d+$/) })
    await growPartitions(growthOf(single.server.url, TO))
    expect(await contentsOf(nodes)).toEqual(await contentsOf([single.redis]))
    const owners = await Promise.all(Array.from({ length: TO }, (_, p) => cluster.ownerOf(keys.meta(p))))
    expect(new Set(owners).size).toBe(3)
    const bus = await openTestBus(url, TO)
    bus.close()
  })

  it('B-GROW-5 B-GROW-11 wherever it is cut, and however often, run again it comes to the same, or is undone', async () => {
    await growCut(grown)
  }, 60_000)

  it('B-GROW-6 it is refused while a process is connected to one of the masters, and where one of them has no room', async () => {
    const original = await contentsOf(nodes)
    const redis = await at(keys.meta(1))
    await redis.client('SETNAME', 'tidegate-worker')
    await expect(growPartitions(growthOf(url, TO, { patienceMs: 0 }))).rejects.toThrow(/use this Redis: worker at/)
    await redis.client('SETNAME', 'test')
    const child = await at(keys.meta(TO - 1))
    const used = Number(/used_memory:(\d+)/.exec(await child.info('memory'))![1])
    await child.config('SET', 'maxmemory', `${used + 1_024}`)
    closing.push(() => child.config('SET', 'maxmemory', '0'))
    const node = `127.0.0.1:${cluster.nodes[nodes.indexOf(child)]!.port}`
    expect(await previewGrowth(growthOf(url, TO))).toMatchObject({ node, free: expect.any(Number) })
    await expect(growPartitions(growthOf(url, TO))).rejects.toThrow(`at ${node} until the former`)
    expect(await contentsOf(nodes)).toEqual(original)
  })

  it('B-GROW-12 a slot that moves meanwhile keeps it from deciding; run again it ends', async () => {
    const slot = slotOf(keys.meta(0))
    const owner = await cluster.ownerOfSlot(slot)
    const next = cluster.nodes.find((node) => node !== owner)!
    closing.push(() => cluster.moveSlot(slot, owner))
    await next.command('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', await owner.id())
    await expect(growPartitions(growthOf(url, TO))).rejects.toThrow('A slot of the cluster moves')
    await next.command('CLUSTER', 'SETSLOT', `${slot}`, 'STABLE')
    let moving: Promise<void> | undefined
    const onProgress = () => {
      moving ??= cluster.moveSlot(slot, next)
    }
    await expect(growPartitions(growthOf(url, TO, { onProgress, settleMs: 1_000 }))).rejects.toThrow(/moved meanwhile/)
    await moving
    expect(await (await at(keys.cluster)).hget(keys.cluster, 'growth')).toContain('"phase":"copying"')
    await growPartitions(growthOf(url, TO))
    await growPartitions(growthOf(single.server.url, TO))
    expect(await contentsOf(nodes)).toEqual(await contentsOf([single.redis]))
  })

  it('B-GROW-12 a replica that does not confirm keeps it from deciding; run again it ends', async () => {
    const replicated = await RedisCluster.start({ masters: 1, replicas: 1, nodeTimeoutMs: 15_000 })
    closing.push(() => replicated.close())
    const stopped = new AbortController().signal
    await copyKeys({ from: single.server.url, to: replicated.url, waitMs: 2_000, stopped, onProgress: () => {} })
    const [master, replica] = replicated.nodes
    const original = await contentsOf([single.redis])
    const marker = () => master!.command('HGET', keys.cluster, 'growth')
    replica!.signal('SIGSTOP')
    const growth = growthOf(replicated.url, TO, { confirmMs: 50 })
    await expect(growPartitions(growth)).rejects.toThrow(`Only 0 of 1 replicas of 127.0.0.1:${master!.port} have`)
    expect(await marker()).toContain('"phase":"copying"')
    replica!.signal('SIGCONT')
    const redis = openCommandConnection(master!.url, 'test')
    closing.unshift(() => redis.disconnect())
    await untilReady(redis, 5_000)
    await redis.client('SETNAME', 'test')
    expect(await abortGrowth(growth)).toBe(true)
    expect(await contentsOf([redis])).toEqual(original)
    await growPartitions(growthOf(replicated.url, TO))
    await growPartitions(growthOf(single.server.url, TO))
    expect(await contentsOf([redis])).toEqual(await contentsOf([single.redis]))
  })

  it('B-GROW-9 it is done and undone with the rights of its page alone', async () => {
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
    const rights = /^ACL (SETUSER tidegate-growth .*)$/m.exec(page)![1]!.split(' ') as ['SETUSER']
    for (const redis of nodes) {
      await redis.call('ACL', ...rights)
      await redis.call('ACL', 'LOG', 'RESET')
      closing.push(() => redis.call('ACL', 'DELUSER', 'tidegate-growth'))
    }
    const own = cluster.urlOf({ login: 'tidegate-growth:PASSWORD@' })
    const stop = new AbortController()
    const cut = growthOf(own, TO, { stopped: stop.signal, onProgress: () => stop.abort(new Error('cut')) })
    await expect(growPartitions(cut)).rejects.toThrow('cut')
    expect(await abortGrowth(growthOf(own, TO))).toBe(true)
    await growPartitions(growthOf(own, TO))
    for (const redis of nodes) expect(await redis.call('ACL', 'LOG')).toEqual([])
    expect((await (await at(keys.log(0, TOPIC))).xlen(keys.log(0, TOPIC))) > 0).toBe(true)
  })
})
