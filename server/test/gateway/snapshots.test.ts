import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type TidegateClient } from '@tidegate/client/node'
import type { BatchPart } from '@tidegate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { keys as busKeys } from '../../src/bus/keys.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { until } from '../delivery/support.ts'
import { EventStream } from '../support/event-stream.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'
import { ResultWriter } from './result-writer.ts'

const reading = topic('sensor.reading', { schema: z.object({ k: z.string() }), key: 'k' })
const counts = reading.window('sensor.count', { tumbling: '1h', aggregate: { version: 'count' }, priority: 'low' })
const { contract } = defineConfig({ topics: [reading, counts] })
const TOPIC = counts.name
const SENSORS = Array.from({ length: 400 }, (_, i) => `s-${i}`)

const server = await useGateway(contract)
const redis = await useConnection(server.redis.url)
let writer: ResultWriter
const clients: TidegateClient[] = []

beforeAll(async () => {
  writer = new ResultWriter(redis, TOPIC)
  await writer.take(4)
  await writer.write(SENSORS)
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close({ deadlineMs: 0 })))
})

function openClient(windowBytes = 65_536): TidegateClient {
  const client = createClient({ url: server.url, windowBytes })
  clients.push(client)
  return client
}

interface Told {
  readonly key: string
  readonly data: unknown
  readonly snapshot?: true
}

const versionOf = ({ data }: Told) => (data as { value: { version: number } }).value.version

/** What a subscriber knows of each key, from events that MUST fit together. */
class View {
  readonly versions = new Map<string, number>()
  readonly faults: string[] = []
  fromSnapshot = 0
  deltas = 0

  take(event: Told): void {
    const known = this.versions.get(event.key)
    const version = versionOf(event)
    if (event.snapshot) this.fromSnapshot++
    else this.deltas++
    const fits = event.snapshot ? known === undefined || version >= known : version === (known ?? 0) + 1
    if (!fits) this.faults.push(`${event.key}: ${version} after ${known}${event.snapshot ? ' by snapshot' : ''}`)
    this.versions.set(event.key, version)
  }
}

describe('snapshots', () => {
  it('D-SNAP-2 D-SNAP-3 C-SNAP-1 whenever it is asked for, the latest of every key comes first, then each later version once', async () => {
    let writing = true
    const written = (async () => {
      for (let i = 0; writing; i++) {
        // Some keys twice in one commit, some hot, some new.
        const chosen = Array.from({ length: 40 }, (_, n) => SENSORS[(i * 7 + n * n) % SENSORS.length]!)
        await writer.write([...chosen, 's-0', 's-0', 's-1', `new-${i}`])
      }
    })()
    const views: View[] = []
    for (let i = 0; i < 30; i++) {
      await sleep(i % 10)
      const view = new View()
      views.push(view)
      // What a small window holds back lengthens the seam.
      const client = openClient(i % 3 === 0 ? 4_096 : 65_536)
      client.subscribe(TOPIC, { snapshot: true, onSlow: 'disconnect' }, (event) => view.take(event))
    }
    await sleep(500)
    writing = false
    await written
    for (const view of views) {
      await until(
        () => [...writer.versions].every(([key, version]) => view.versions.get(key) === version),
        'all',
        10_000,
      )
    }
    expect(views.flatMap(({ faults }) => faults)).toEqual([])
    for (const { fromSnapshot } of views) expect(fromSnapshot).toBeGreaterThanOrEqual(SENSORS.length)
    expect(views.reduce((sum, { deltas }) => sum + deltas, 0)).toBeGreaterThan(300)
  })

  it('D-SNAP-2 D-SNAP-4 gives only the keys and events that are asked for, to a slow client at its own pace, outside its ledger', async () => {
    const few = ['s-3', 's-4', 's-99', 'nobody']
    const told: Told[] = []
    const subscription = openClient().subscribe(TOPIC, { snapshot: true, keys: few }, (event) => told.push(event))
    await subscription.synced
    expect(told.map(({ key }) => key).sort()).toEqual(['s-3', 's-4', 's-99'])
    expect(told.every((event) => event.snapshot === true)).toBe(true)
    expect(subscription.delivered).toBe(0)
    expect(await subscription.ledger()).toMatchObject({ matched: 0, delivered: 0 })
    await writer.write(['s-3', 's-5'])
    await until(() => told.length === 4, 'the delta')
    expect(told[3]).toMatchObject({ key: 's-3' })
    expect(told[3]).not.toHaveProperty('snapshot')

    const newest = Math.max(...writer.versions.values())
    const hot: Told[] = []
    const where = `data.value.version == ${newest}`
    await openClient().subscribe(TOPIC, { snapshot: true, where }, (event) => hot.push(event)).synced
    const expected = [...writer.versions].filter(([, version]) => version === newest).map(([key]) => key)
    expect(hot.map(({ key }) => key).sort()).toEqual(expected.sort())

    const unread = openClient(4_096).subscribe(TOPIC, { snapshot: true, onSlow: 'conflate' })
    await unread.ready
    await sleep(200)
    const read = new View()
    for await (const event of unread) {
      read.take(event)
      if (read.versions.size === writer.versions.size) break
    }
    expect(read.faults).toEqual([])
    expect(read.versions).toEqual(writer.versions)
  })

  it('D-PAUSE-1 the snapshot of a paused subscription lets the next one pass, and is whole when it is resumed', async () => {
    const client = await RawClient.greeted(server.port, { windowBytes: 4 * 1_048_576 })
    client.send({ type: 'subscribe', sub: 1, topic: TOPIC, snapshot: true })
    client.send({ type: 'credit', bytes: 0, subs: { 1: 0 } })
    client.send({ type: 'subscribe', sub: 2, topic: TOPIC, snapshot: true })
    const keys = new Map([1, 2].map((sub) => [sub, new Set<string>()]))
    const ended: number[] = []
    const readTo = async (end: number) => {
      while (ended.length < end) {
        const { parts } = (await client.next('batch')) as unknown as { parts: BatchPart[] }
        for (const { sub, events, snapshot } of parts) {
          for (const { key } of events) keys.get(sub)!.add(key)
          if (snapshot === 'end') ended.push(sub)
        }
      }
    }
    await readTo(1)
    expect(ended).toEqual([2])
    client.send({ type: 'credit', bytes: 0, subs: { 1: null } })
    await readTo(2)
    for (const each of keys.values()) expect(each.size).toBe(writer.versions.size)
    client.close()
  })

  it('D-SNAP-5 C-SNAP-2 goes on from positions without one; where something is gone, begins with another', async () => {
    const first = openClient().subscribe(TOPIC, { snapshot: true }, () => {})
    await first.synced
    const { positions } = first
    await writer.write(['s-7'])
    const later: Told[] = []
    const second = openClient().subscribe(TOPIC, { snapshot: true, from: { positions } }, (event) => later.push(event))
    await until(() => later.length === 1, 'what was missed')
    await second.synced
    expect(later[0]).toMatchObject({ key: 's-7' })
    expect(later[0]).not.toHaveProperty('snapshot')

    for (let partition = 0; partition < 4; partition++) {
      const log = busKeys.log(partition, TOPIC)
      const [newest] = await redis.xrevrange(log, '+', '-', 'COUNT', 1)
      await redis.xtrim(log, 'MAXLEN', 0)
      await redis.hset(busKeys.meta(partition), `trim:${TOPIC}`, newest![0])
    }
    // Heads of logs are shared for 100 ms.
    await sleep(150)
    const view = new View()
    const third = openClient().subscribe(TOPIC, { snapshot: true, from: { positions } }, (event) => view.take(event))
    await third.synced
    await until(() => view.versions.size === writer.versions.size, 'the snapshot')
    expect(view.versions).toEqual(writer.versions)
    expect([view.faults, third.gaps]).toEqual([[], 0])
  })

  it('G-STREAM-8 a stream tells places only once its snapshot is whole, and comes back without one', async () => {
    const url = `${server.url}/v1/stream?topic=${TOPIC}&snapshot=true`
    const stream = await EventStream.open(url)
    expect(await stream.nextOf('subscribed')).toMatchObject({ id: undefined, data: { snapshot: true } })
    let events = 0
    for (let isEnd = false; !isEnd; ) {
      const { id, data } = await stream.nextOf('batch')
      const [part] = data.parts as [{ snapshot: string; events: unknown[] }]
      events += part.events.length
      isEnd = part.snapshot === 'end'
      expect(id === undefined).toBe(!isEnd)
    }
    expect(events).toBe(writer.versions.size)
    stream.close()
    const resumed = await EventStream.open(url, { 'last-event-id': stream.lastId! })
    expect((await resumed.nextOf('subscribed')).data).not.toHaveProperty('snapshot')
    resumed.close()
  })
})
