import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@tidegate/client/node'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { slotOf } from '../../src/bus/redis/hash-slot.ts'
import type { ReadinessReport } from '../../src/gateway/readiness.ts'
import { type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import { defineConfig, entity, topic } from '../../src/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { openTestBus } from '../support/bus.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { type ClusterProcess, RedisCluster } from '../support/redis-cluster.ts'

const PARTITIONS = 6
const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), humidity: z.number() }),
  key: 'sensorId',
  priority: 'low',
})
const computed = reading.filter(() => true).to('sensor.computed', { version: 1, priority: 'low' })
/** The partition that merges it reads all others. */
const overall = reading.window('sensor.overall', { tumbling: '1s', groupBy: null, aggregate: { count: 'count' } })
const counter = entity('counter', {
  key: 'id',
  version: 1,
  state: { initial: { n: 0 as number } },
  events: { added: z.object({}) },
  evolve: { added: ({ n }) => ({ n: n + 1 }) },
  commands: { add: { input: z.object({}), decide: () => [{ type: 'added', data: {} }] } },
})
const config = defineConfig({ topics: [reading, computed, overall], entities: [counter] })
const { contract } = config
const PATIENT = { timeout: 120_000 }
const cluster = await RedisCluster.start({ masters: 3, replicas: 1 })
afterAll(() => cluster.close())

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** With a worker beside it. */
async function startedGateway(): Promise<RunningGateway> {
  const redisUrl = cluster.url
  const worker = await startWorker({ redisUrl, partitions: PARTITIONS, workerId: 'w', log: () => {} }, contract)
  cleanups.push(() => worker.close({ deadlineMs: 1_000 }))
  const gateway = await startGateway(
    {
      ...{ redisUrl, partitions: PARTITIONS, node: 'gw', host: '127.0.0.1', port: 0, sharedPort: false },
      ...{ maxLagMs: 10_000, delivery: DELIVERY_LIMITS, onDefect: ({ error }) => console.error(error) },
    },
    contract,
  )
  cleanups.push(() => gateway.close({ deadlineMs: 100 }))
  return gateway
}

/** A key of each partition. */
const keyOf = new Map<number, string>()
for (let n = 0; keyOf.size < PARTITIONS; n++) {
  const partition = partitionOf(`s-${n}`, PARTITIONS)
  if (!keyOf.has(partition)) keyOf.set(partition, `s-${n}`)
}
const all = [...keyOf.keys()].sort()
const ownerOf = (partition: number) => cluster.ownerOf(keys.meta(partition))

interface Answer {
  readonly status: number
  readonly report: ReadinessReport
}

/** A publisher for each partition, a subscriber to what they publish and what is computed of it, and somebody who asks `/readyz`. */
class Traffic {
  readonly gaps: string[] = []
  /** What the client was told of Redis. */
  readonly bus: string[] = []
  readonly answers: Answer[] = []
  /** Partition -> longest wait of a publisher for its acknowledgement, and for what is computed of an event, ms. */
  readonly worstMs = new Map<number, number>()
  readonly slowestMs = new Map<number, number>()
  /** Event -> when it was published, and its partition. */
  readonly #sent = new Map<string, { readonly at: number; readonly partition: number }>()
  readonly #published: string[] = []
  readonly #acked = new Set<string>()
  readonly #delivered: string[] = []
  readonly #computed: string[] = []
  readonly #timers: NodeJS.Timeout[] = []
  readonly #publishing: Promise<unknown>[] = []

  static async start({ port }: RunningGateway): Promise<Traffic> {
    const traffic = new Traffic()
    await traffic.#begin(`http://127.0.0.1:${port}`)
    return traffic
  }

  async #begin(url: string): Promise<void> {
    const opened = () => {
      const client = createClient({ url })
      cleanups.push(() => client.close({ deadlineMs: 100 }))
      return client
    }
    const reader = opened()
    reader.onBus(({ state }) => this.bus.push(state))
    const read = (topic: string, into: string[]) => {
      const subscription = reader.subscribe(topic, {}, ({ data }) => {
        const id = nameOf(data as Reading)
        into.push(id)
        if (into === this.#computed) this.#note(this.slowestMs, id)
      })
      subscription.onGap(({ reason }) => this.gaps.push(`${topic}: ${reason}`))
      return subscription.ready
    }
    await Promise.all([read('sensor.reading', this.#delivered), read('sensor.computed', this.#computed)])
    for (const partition of all) this.#publish(opened(), partition)
    const ask = async () => {
      const response = await fetch(`${url}/readyz`)
      this.answers.push({ status: response.status, report: (await response.json()) as ReadinessReport })
    }
    this.#timers.push(setInterval(() => void ask().catch(() => {}), 50))
    cleanups.push(() => this.stop())
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Until an event of each of the partitions that is published from now on is acknowledged, delivered and folded. */
  async flows(partitions: readonly number[] = all): Promise<void> {
    const from = this.#published.length
    const comesBy = (ids: Iterable<string>, partition: number) => {
      const later = new Set(this.#published.slice(from).filter((id) => id.startsWith(`${keyOf.get(partition)}#`)))
      return [...ids].some((id) => later.has(id))
    }
    const flow = (partition: number) =>
      [this.#acked, this.#delivered, this.#computed].every((ids) => comesBy(ids, partition))
    await expect.poll(() => partitions.filter((one) => !flow(one)), { interval: 20, timeout: 30_000 }).toEqual([])
  }

  /** Everything was acknowledged, delivered and folded, and nothing twice. */
  async settle(): Promise<void> {
    this.stop()
    await Promise.all(this.#publishing)
    const published = [...this.#published].sort()
    expect([...this.#acked].sort()).toEqual(published)
    await expect.poll(() => [...this.#delivered].sort(), { timeout: 20_000 }).toEqual(published)
    await expect.poll(() => [...this.#computed].sort(), { timeout: 20_000 }).toEqual(published)
  }

  #note(longest: Map<number, number>, id: string): void {
    const { at, partition } = this.#sent.get(id)!
    longest.set(partition, Math.max(longest.get(partition) ?? 0, performance.now() - at))
  }

  #publish(client: ReturnType<typeof createClient>, partition: number): void {
    let n = 0
    const publish = () => {
      const reading = { sensorId: keyOf.get(partition)!, humidity: n++ }
      const id = nameOf(reading)
      this.#sent.set(id, { at: performance.now(), partition })
      this.#published.push(id)
      const acked = client.publish('sensor.reading', { data: reading }).then(() => {
        this.#acked.add(id)
        this.#note(this.worstMs, id)
      })
      this.#publishing.push(acked)
    }
    this.#timers.push(setInterval(publish, 20))
  }
}

interface Reading {
  readonly sensorId: string
  readonly humidity: number
}
const nameOf = ({ sensorId, humidity }: Reading) => `${sensorId}#${humidity}`
const other = async (than: ClusterProcess) => {
  for (const node of cluster.nodes) if (node !== than && (await node.isMaster())) return node
  throw new Error('there is one master')
}

/** Those of a bus to one node, by what Redis calls them. */
async function connectionsTo(node: ClusterProcess): Promise<string[]> {
  const lines = String(await node.command('CLIENT', 'LIST')).split('\n')
  return lines.filter((line) => line.includes(' name=tidegate-test-')).map((line) => line.split(' ', 1)[0]!)
}

it('B-CLUSTER-3 B-CLUSTER-5 a master that hands over to its replica - no connection to another node is closed', async () => {
  const bus = await openTestBus(cluster.url, PARTITIONS)
  const tails = all.map((partition) => bus.tail(partition, 'test-tail'))
  cleanups.push(() => {
    for (const tail of tails) tail.close()
    bus.close()
  })
  await Promise.all(tails.map((tail) => tail.untilReady(5_000)))
  const owner = await ownerOf(0)
  const elsewhere = await other(owner)
  // The master ends reads that wait, and says why.
  const waiting = { count: 1, blockMs: 5_000 }
  const reads = tails.map((tail) => tail.read(new Map([['no.such', '0-0']]), waiting).catch(() => []))
  const before = await connectionsTo(elsewhere)
  expect(before.length).toBeGreaterThan(1)
  await (await cluster.replicaOf(owner)).command('CLUSTER', 'FAILOVER')
  await cluster.replaced(owner)
  await expect.poll(() => bus.log(0, 'query').lineage()).toMatchObject({ current: expect.any(String) })
  expect(await connectionsTo(elsewhere)).toEqual(expect.arrayContaining(before))
  await Promise.all(reads)
})

describe('a deployment on a cluster', PATIENT, () => {
  it('B-CLUSTER-5 a slot that moves with its partition - all continues, exactly, and nobody is told of anything', async () => {
    const traffic = await Traffic.start(await startedGateway())
    await traffic.flows()
    await expect.poll(() => traffic.answers.at(-1)?.report.red).toEqual([])
    for (const partition of all.slice(0, 2)) {
      const before = await ownerOf(partition)
      await cluster.moveSlot(slotOf(keys.meta(partition)), await other(before))
      await traffic.flows()
    }
    await traffic.settle()
    expect([traffic.gaps, traffic.bus]).toEqual([[], []])
  })

  it('B-CLUSTER-3 B-CLUSTER-5 G-HEALTH-7 W-LOOP-11 a master killed with -9 - its partitions wait for its replica, the others for nothing', async () => {
    await cluster.ready()
    const traffic = await Traffic.start(await startedGateway())
    await traffic.flows()
    await expect.poll(() => traffic.answers.at(-1)?.report.red).toEqual([])
    const owners = await Promise.all(all.map(ownerOf))
    const killed = owners[all.indexOf(0)]!
    const hit = all.filter((_, i) => owners[i] === killed)
    const spared = all.filter((partition) => !hit.includes(partition))
    traffic.worstMs.clear()
    traffic.slowestMs.clear()
    traffic.answers.splice(0)
    await killed.kill()
    await traffic.flows(spared)
    await expect
      .poll(() => traffic.answers.at(-1)!.report.red.map(({ node }) => node))
      .toContain(`127.0.0.1:${killed.port}`)
    await traffic.flows()
    await expect.poll(() => traffic.answers.at(-1)!.report.red).toEqual([])
    for (const partition of spared) {
      expect(traffic.worstMs.get(partition)).toBeLessThan(1_000)
      expect(traffic.slowestMs.get(partition)).toBeLessThan(1_500)
    }
    expect(new Set(traffic.answers.map(({ status }) => status))).toEqual(new Set([200]))
    for (const { report } of traffic.answers) {
      for (const { partition } of report.red) if (partition !== undefined) expect(hit).toContain(partition)
    }
    await killed.run()
    await cluster.ready()
    await traffic.flows()
    await traffic.settle()
    // Only what was never acknowledged can have been lost.
    expect(traffic.gaps.filter((gap) => !gap.endsWith('epoch'))).toEqual([])
    expect(traffic.bus).toEqual([])
  })

  it('B-CLUSTER-4 B-CLUSTER-5 entities whose slots move - each command is carried out once', async () => {
    const { port } = await startedGateway()
    const client = createClient<typeof config>({ url: `http://127.0.0.1:${port}` })
    cleanups.push(() => client.close({ deadlineMs: 100 }))
    let isOver = false
    const commanding = all.map(async (partition) => {
      const handle = client.entity('counter', keyOf.get(partition)!)
      let done = 0
      for (; !isOver; done++) await handle.command('add', {})
      return { done, version: (await handle.get())!.version }
    })
    for (const partition of all) {
      await cluster.moveSlot(slotOf(keys.meta(partition)), await other(await ownerOf(partition)), () => sleep(100))
    }
    isOver = true
    for (const { done, version } of await Promise.all(commanding)) {
      expect(done).toBeGreaterThan(10)
      expect(version).toBe(done)
    }
  })
})
