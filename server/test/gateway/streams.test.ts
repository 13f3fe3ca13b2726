import { LIMITS } from '@tidegate/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { startGateway } from '../../src/gateway-app.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { readingOf } from '../support/contract.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { EventStream, type StreamEvent } from '../support/event-stream.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startTestRedis } from '../support/redis.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()
let streams: EventStream[] = []

afterEach(() => {
  for (const stream of streams) stream.close()
  streams = []
})

async function open(query: Record<string, string> | string, headers: Record<string, string> = {}) {
  const stream = await EventStream.open(`${server.url}/v1/stream?${new URLSearchParams(query)}`, headers)
  streams.push(stream)
  return stream
}

async function publish(events: readonly object[]): Promise<void> {
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  })
  expect(await response.json()).toMatchObject({ accepted: events.length })
}

const payment = (paymentId: string, amount: number, orderId = 'o-1') => ({
  topic: 'commerce.payment_received',
  data: { paymentId, orderId, amount, currency: 'EUR' },
})
const reading = (n: number, prefix: string) => ({
  topic: 'sensor.reading',
  id: `${prefix}${n}`,
  ...readingOf(`s-${n % 7}`),
})

interface Part {
  readonly lane: string
  readonly events: { readonly id: string; readonly data: { paymentId: string } }[]
}
const eventsOf = ({ data }: StreamEvent) => (data.parts as Part[]).flatMap(({ events }) => events)

/** Ids of the next `count` events of a stream, and the event of the stream that carried each. */
async function take(stream: EventStream, count: number): Promise<string[]> {
  const ids: string[] = []
  while (ids.length < count) ids.push(...eventsOf(await stream.nextOf('batch')).map(({ id }) => id))
  return ids
}

describe('GET /v1/stream', () => {
  it('G-STREAM-1 is a subscription: topic, keys, filter and lanes; frames are events', async () => {
    const stream = await open('topic=commerce.*&key=o-1&key=o-2&filter=data.amount>100&lanes=high,normal,low')
    expect(stream.response.status).toBe(200)
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream')
    const high = await open({ topic: 'commerce.*', lanes: 'high' })
    expect(await stream.nextOf('subscribed')).toMatchObject({ data: { type: 'subscribed', sub: 1, recovered: true } })
    expect(stream.retryMs).toBeGreaterThanOrEqual(500)
    await high.nextOf('subscribed')
    await publish([
      payment('p-1', 50),
      payment('p-2', 150),
      payment('p-3', 2_000, 'o-2'),
      payment('p-4', 3_000, 'o-3'),
      payment('p-5', 101),
    ])
    const got: string[] = []
    while (got.length < 3) got.push(...eventsOf(await stream.nextOf('batch')).map(({ data }) => data.paymentId))
    expect(got.sort()).toEqual(['p-2', 'p-3', 'p-5'])
    const highs: string[] = []
    while (highs.length < 2) highs.push(...eventsOf(await high.nextOf('batch')).map(({ data }) => data.paymentId))
    expect(highs.sort()).toEqual(['p-3', 'p-4'])
  })

  it('G-STREAM-2 Last-Event-ID goes on exactly behind the event, however often the stream breaks', async () => {
    const count = 400
    let stream = await open({ topic: 'sensor.>' })
    await stream.nextOf('subscribed')
    const got: string[] = []
    const publishing = (async () => {
      for (let n = 0; n < count; n += 20) await publish(Array.from({ length: 20 }, (_, i) => reading(n + i, 'r')))
    })()
    let breaks = 0
    while (got.length < count) {
      got.push(...(await take(stream, 1)))
      if (got.length < count) {
        stream.close()
        breaks++
        stream = await open({ topic: 'sensor.>' }, { 'last-event-id': stream.lastId! })
        expect(await stream.nextOf('subscribed')).toMatchObject({ data: { recovered: true } })
      }
    }
    await publishing
    expect(breaks).toBeGreaterThan(2)
    expect(got).toHaveLength(count)
    expect(new Set(got).size).toBe(count)
    const again = await open({ topic: 'sensor.>', from: stream.lastId! })
    await again.nextOf('subscribed')
    await publish([reading(0, 'last')])
    expect(await take(again, 1)).toEqual(['last0'])
  })

  it('G-STREAM-2 an id of a log that is gone is answered with a gap', async () => {
    const stream = await open({ topic: 'commerce.*', from: 'earliest' })
    const { id } = await stream.nextOf('subscribed')
    const [base, epoch, topics] = id!.split('!')
    const other = await open({ topic: 'commerce.*' }, { 'last-event-id': `${base}!x${epoch}!${topics}` })
    expect(await other.nextOf('subscribed')).toMatchObject({ data: { recovered: false } })
    await publish([payment('p-9', 5)])
    const gap = await other.nextOf('gap')
    expect(gap.data).toMatchObject({ reason: 'epoch', count: null })
    expect(gap.id).not.toBe(id)
  })

  it('G-STREAM-2 from takes a word or a time; anything else is no position', async () => {
    const since = Date.now()
    await publish([payment('p-from', 7, 'o-from')])
    for (const from of ['earliest', `${since}`]) {
      const stream = await open({ topic: 'commerce.*', key: 'o-from', from })
      expect(eventsOf(await stream.nextOf('batch')).map(({ data }) => data.paymentId)).toEqual(['p-from'])
    }
  })

  it.each(['12!x', '12', 'now', 'x'.repeat(2_100), 'a!1!commerce.payment_received:h/0/0/0/0/0/0/0/0/0'])(
    'G-STREAM-9 a Last-Event-ID that is no place here (%j) begins anew, and says so',
    async (lastId) => {
      const stream = await open({ topic: 'commerce.*' }, { 'last-event-id': lastId })
      expect(stream.response.status).toBe(200)
      const granted = await stream.nextOf('subscribed')
      expect(granted.data).toMatchObject({ recovered: false })
      const { positions } = granted.data as { positions: Record<string, Record<string, string[]>> }
      const starts = Object.values(positions).flatMap((lanes) => Object.values(lanes).flat())
      const gaps = await Promise.all(starts.map(() => stream.nextOf('gap')))
      expect(gaps.map(({ data }) => data.upTo).sort()).toEqual(starts.sort())
      for (const { data } of gaps) expect(data).toMatchObject({ reason: 'reset', count: null, sub: 1 })
      await publish([payment('p-anew', 5)])
      expect(eventsOf(await stream.nextOf('batch')).map(({ data }) => data.paymentId)).toEqual(['p-anew'])
      const again = await open({ topic: 'commerce.*' }, { 'last-event-id': stream.lastId! })
      expect(await again.nextOf('subscribed')).toMatchObject({ data: { recovered: true } })
    },
  )

  it('G-STREAM-9 from counts where the Last-Event-ID cannot be read', async () => {
    await publish([payment('p-early', 7, 'o-early')])
    const anew = { 'last-event-id': 'garbage' }
    const stream = await open({ topic: 'commerce.*', key: 'o-early', from: 'earliest' }, anew)
    expect(eventsOf(await stream.nextOf('batch')).map(({ data }) => data.paymentId)).toEqual(['p-early'])
    const wrong = await fetch(`${server.url}/v1/stream?topic=commerce.*&from=garbage`, { headers: anew })
    expect(wrong.status).toBe(400)
  })

  it('G-STREAM-9 a topic that the config no longer has is an error that passes; a mistake of the request is refused', async () => {
    const { id } = await (await open({ topic: 'commerce.*' })).nextOf('subscribed')
    const resumed = { 'last-event-id': id! }
    const removed = await open({ topic: 'no.such' }, resumed)
    expect(removed.response.status).toBe(200)
    expect(await removed.next()).toMatchObject({ event: 'error', data: { code: 'topic_removed', retryable: true } })
    expect(await removed.next()).toBeUndefined()
    expect(removed.retryMs).toBeGreaterThanOrEqual(5_000)
    const changed = await open({ topic: 'commerce.*', snapshot: 'true' }, resumed)
    expect(await changed.next()).toMatchObject({ event: 'error', data: { code: 'unsupported' } })
    for (const query of ['topic=Commerce!', 'topic=commerce.*&filter=data.amount', 'topic=commerce.*&lanes=none']) {
      expect((await fetch(`${server.url}/v1/stream?${query}`, { headers: resumed })).status).toBe(400)
    }
  })

  it.each([
    ['', 400, 'invalid_frame'],
    ['topic=no.such', 404, 'unknown_topic'],
    ['topic=commerce.*&filter=data.amount', 400, 'invalid_filter'],
    ['topic=commerce.*&lanes=low,fast', 400, 'invalid_frame'],
    ['topic=commerce.*&onSlow=nothing', 400, 'invalid_frame'],
    ['topic=commerce.*&from=yesterday', 400, 'invalid_position'],
  ])('G-STREAM-4 %j is refused with status %i and %s', async (query, status, code) => {
    const response = await fetch(`${server.url}/v1/stream?${query}`)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { code } })
  })

  it('G-STREAM-3 topics and lanes of too many positions for an id are refused, fewer are not', async () => {
    const redis = await startTestRedis()
    const topics = Array.from({ length: 20 }, (_, i) =>
      topic(`wide.t${i}`, { schema: z.object({ k: z.string() }), key: 'k' }),
    )
    const { contract } = defineConfig({ topics })
    const gateway = await startGateway(
      {
        redisUrl: redis.url,
        partitions: 4,
        host: '127.0.0.1',
        port: 0,
        sharedPort: false,
        delivery: DELIVERY_LIMITS,
        node: 'gw-wide',
        onDefect: () => {},
      },
      contract,
    )
    try {
      const url = `http://127.0.0.1:${gateway.port}/v1/stream?topic=wide.*`
      const refused = await fetch(url)
      expect(refused.status).toBe(400)
      expect(await refused.json()).toMatchObject({ error: { code: 'stream_too_wide' } })
      const granted = await EventStream.open(`${url}&lanes=high`)
      const { id } = await granted.nextOf('subscribed')
      expect(id!.length).toBeLessThanOrEqual(LIMITS.resumeIdBytes)
      granted.close()
      const resumed = await EventStream.open(`${url}&lanes=high`, { 'last-event-id': id! })
      expect(await resumed.nextOf('subscribed')).toMatchObject({ id, data: { recovered: true } })
      resumed.close()
    } finally {
      await gateway.close({ deadlineMs: 100 })
      await redis.close()
    }
  })

  it('G-STREAM-1 another method is not served', async () => {
    expect((await fetch(`${server.url}/v1/stream?topic=commerce.*`, { method: 'POST' })).status).toBe(405)
  })

  it('G-STREAM-5 a client that does not read holds up nobody; every event it misses is told', async () => {
    const slow = await open({ topic: 'sensor.reading' })
    const fast = await open({ topic: 'sensor.reading' })
    await Promise.all([slow.nextOf('subscribed'), fast.nextOf('subscribed')])
    const rounds = 30
    const perRound = 500
    const sensorId = 's'.repeat(500)
    for (let round = 0; round < rounds; round++) {
      const events = Array.from({ length: perRound }, (_, i) => ({ id: `b${round}-${i}`, ...readingOf(sensorId, i) }))
      await publish(events.map((event) => ({ topic: 'sensor.reading', ...event })))
      expect(await take(fast, perRound)).toEqual(events.map(({ id }) => id))
    }
    let delivered = 0
    let gapped = 0
    while (delivered + gapped < rounds * perRound) {
      const event = (await slow.next())!
      if (event.event === 'batch') delivered += eventsOf(event).length
      else if (event.event === 'gap') gapped += event.data.count as number
    }
    expect(delivered + gapped).toBe(rounds * perRound)
    expect(gapped).toBeGreaterThan(0)
  })

  it('G-STREAM-4 G-STREAM-7 a draining gateway ends streams with a retry; Redis that does not answer is an event', async () => {
    const own = await startTestGateway()
    try {
      const stream = await EventStream.open(`${own.url}/v1/stream?topic=commerce.*`)
      await stream.nextOf('subscribed')
      process.kill(own.redis.pid, 'SIGSTOP')
      const refused = await EventStream.open(`${own.url}/v1/stream?topic=sensor.hot`)
      expect(refused.response.status).toBe(200)
      expect(await refused.next()).toMatchObject({ event: 'error', data: { code: 'unavailable', retryable: true } })
      expect(await refused.next()).toBeUndefined()
      stream.retryMs = undefined
      void own.gateway.close({ deadlineMs: 500 })
      expect(await stream.next()).toBeUndefined()
      expect(stream.retryMs).toBeLessThanOrEqual(2_000)
    } finally {
      process.kill(own.redis.pid, 'SIGCONT')
      await own.close()
    }
  })
})
