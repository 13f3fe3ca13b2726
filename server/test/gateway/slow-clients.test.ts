import { createClient, type TidegateClient } from '@tidegate/client/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../delivery/support.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()
let publisher: TidegateClient
const clients: TidegateClient[] = []

beforeAll(async () => {
  publisher = createClient({ url: server.url })
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close({ deadlineMs: 0 })))
})
afterAll(async () => {
  await publisher.close({ deadlineMs: 100 })
})

const KEYS = 20

/** Readings of a few sensors; `low` by the test contract. */
async function publish(count: number, from = 0): Promise<void> {
  for (let first = from; first < from + count; first += 500) {
    const events = Array.from({ length: Math.min(500, from + count - first) }, (_, i) => ({
      data: { sensorId: `s-${(first + i) % KEYS}`, temperature: first + i, humidity: 40 },
    }))
    await publisher.publish('sensor.reading', events)
  }
}

function slowClient(): TidegateClient {
  const client = createClient({ url: server.url, windowBytes: 4_096 })
  clients.push(client)
  return client
}

const temperature = (data: unknown) => (data as { temperature: number }).temperature

async function slowest(): Promise<
  { queuedBytes: number; state: string; reason: string; subscriptions: { level: number }[] }[]
> {
  return (await (await fetch(`${server.url}/v1/slow?n=5`)).json()).sessions
}

describe('slow clients', () => {
  it('D-SLOW-2 D-LEDGER-1 D-SEEN-1 a client that stops reading gets the latest of each key, and the count of the others', async () => {
    const subscription = slowClient().subscribe('sensor.reading', { onSlow: 'conflate' })
    await subscription.ready
    await publish(4_000)
    await until(() => subscription.delivered === 0, 'nothing read')
    let seen = await slowest()
    for (const deadline = Date.now() + 5_000; seen[0]?.subscriptions[0]?.level !== 1 && Date.now() < deadline; ) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      seen = await slowest()
    }
    expect(seen).toMatchObject([
      { state: 'congested', reason: 'credit', subscriptions: [{ topic: 'sensor.reading', level: 1 }] },
    ])
    const last = new Map<string, number>()
    for await (const { key, data } of subscription) {
      last.set(key, temperature(data))
      if (subscription.delivered + subscription.conflated === 4_000) break
    }
    expect([...last.values()].sort((a, b) => a - b)).toEqual(Array.from({ length: KEYS }, (_, i) => 4_000 - KEYS + i))
    expect(subscription.conflated).toBeGreaterThan(3_000)
    expect(subscription.gaps).toBe(0)
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(
      Number(/^tidegate_delivery_events_total\{lane="low",outcome="conflated"\} (\d+)/m.exec(metrics)?.[1]),
    ).toBeGreaterThan(3_000)
  })

  it('D-LEDGER-1 the ledger of a subscription adds up while it is slow, and agrees with what was received', async () => {
    const client = slowClient()
    const subscription = client.subscribe('sensor.reading', { onSlow: 'sample' })
    await subscription.ready
    await publish(3_000)
    const slow = await subscription.ledger()
    expect(slow.matched).toBe(slow.delivered + slow.conflated + slow.sampled + slow.gapped + slow.queued)
    let received = 0
    const reading = (async () => {
      for await (const _ of subscription) received++
    })()
    await until(() => received + subscription.sampled === 3_000, 'every event received or counted', 10_000)
    expect(await subscription.ledger()).toEqual({
      matched: 3_000,
      delivered: received,
      conflated: 0,
      sampled: subscription.sampled,
      gapped: 0,
      queued: 0,
    })
    subscription.close()
    await reading
  })

  it('C-PAUSE-1 C-PAUSE-3 C-AWAIT-1 D-PAUSE-1 an iterator that nobody reads and a callback that never ends stop no sibling', async () => {
    const client = slowClient()
    const ids: string[] = []
    const unread = client.subscribe('sensor.reading')
    const stuck = client.subscribe('sensor.reading', () => new Promise(() => {}))
    const read = client.subscribe('sensor.reading', ({ id }) => ids.push(id))
    // One of its own on the wire: its events travel in the frames of those that are unread.
    const filtered: string[] = []
    const beside = client.subscribe('sensor.reading', { where: 'key != "none"' }, ({ id }) => filtered.push(id))
    await Promise.all([unread.ready, stuck.ready, read.ready, beside.ready])
    await publish(2_000)
    await until(() => ids.length === 2_000 && filtered.length === 2_000, 'everything', 10_000)
    expect(new Set(ids).size).toBe(2_000)
    expect(stuck.delivered).toBe(1)
    const late: string[] = []
    for await (const { id } of unread) if (late.push(id) === 2_000) break
    // Partitions are in no order among each other, and it continued from the log.
    expect([...late].sort()).toEqual([...ids].sort())
    expect([read.gaps, unread.gaps]).toEqual([0, 0])
  })

  it('D-RATE-1 D-SUB-5 C-CHANGE-1 maxRate is kept, changed live and taken off', async () => {
    const client = createClient({ url: server.url })
    clients.push(client)
    const got: number[] = []
    const subscription = client.subscribe('sensor.reading', { maxRate: 0.01, keys: ['s-0'] }, ({ data }) =>
      got.push(temperature(data)),
    )
    await subscription.ready
    expect(subscription.policy).toEqual({ onSlow: 'drop-oldest', maxRate: 0.01 })
    for (let i = 0; i < 5; i++) await publish(1, i * KEYS)
    await until(() => got.length === 1, 'the first at once')
    expect((await subscription.ledger()).queued).toBe(4)
    await subscription.change({ maxRate: undefined })
    expect(subscription.policy).toEqual({ onSlow: 'drop-oldest' })
    await until(() => got.length === 5, 'what waited')
    await publish(1, 5 * KEYS)
    await until(() => got.length === 6, 'what came after')
    expect(got).toEqual([0, 20, 40, 60, 80, 100])
    await expect(subscription.change({ where: 'data.' })).rejects.toMatchObject({ code: 'invalid_filter' })
    await subscription.change({ where: 'data.temperature > 1000' })
    await publish(1, 6 * KEYS)
    await publish(1, 51 * KEYS)
    await until(() => got.length === 7, 'what the new filter lets through')
    expect(got.at(-1)).toBe(1_020)
  })
})
