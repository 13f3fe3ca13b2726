import { createClient } from '@tidegate/client/node'
import { LIMITS } from '@tidegate/protocol'
import { afterAll, describe, expect, it } from 'vitest'
import { decodeHeader } from '../../src/bus/batch/record-batch.ts'
import { keys } from '../../src/bus/keys.ts'
import { readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const server = await useGateway()
const redis = await useConnection(server.redis.url)
const spanOf = (digit: string, flags = '01') => `00-${digit.repeat(32)}-${digit.repeat(16)}-${flags}`

interface Traced {
  readonly id: string
  readonly key: string
  readonly traceparent?: string
  readonly tracestate?: string
}

/** Stored events of a key. */
async function stored(key: string): Promise<Traced[]> {
  const pages = await Promise.all(
    [0, 1, 2, 3].map(async (p) => {
      const page = await fetch(`${server.url}/v1/history?topic=sensor.reading&partition=${p}&limit=1000`)
      return ((await page.json()) as { events: Traced[] }).events
    }),
  )
  return pages.flat().filter((event) => event.key === key)
}

const tracesOf = (events: readonly Traced[]) =>
  events.map(({ id, traceparent, tracestate }) => ({ id, traceparent, tracestate }))

async function post(body: unknown, headers: Record<string, string>) {
  const response = await fetch(`${server.url}/v1/events`, { method: 'POST', body: JSON.stringify(body), headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const CLOUD_EVENT = { specversion: '1.0', type: 'sensor.reading', source: '/attic' }

describe('traces of frames', () => {
  it('I-TRACE-1 I-TRACE-3 are stored and delivered with their events, whichever way the frame is read', async () => {
    const client = await RawClient.greeted(server.port)
    client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading', keys: ['frames'] })
    await client.next('subscribed')
    const trace = [{ from: 1, traceparent: spanOf('a'), tracestate: 'v=1' }, { from: 2 }]
    const eventsOf = (prefix: string) => ['0', '1', '2'].map((n) => ({ id: `${prefix}${n}`, ...readingOf('frames') }))
    client.send({ type: 'publish', seq: 1, topic: 'sensor.reading', trace, events: eventsOf('scanned') })
    // White space is left to the parser.
    const parsed = { type: 'publish', seq: 2, topic: 'sensor.reading', trace, events: eventsOf('parsed') }
    client.sendRaw(JSON.stringify(parsed, null, 1))
    await client.next('ack')
    await client.next('ack')
    const expected = ['scanned', 'parsed'].flatMap((prefix) => [
      { id: `${prefix}0` },
      { id: `${prefix}1`, traceparent: spanOf('a'), tracestate: 'v=1' },
      { id: `${prefix}2` },
    ])
    await expect.poll(async () => tracesOf(await stored('frames'))).toEqual(expected)
    const delivered = () =>
      client.frames.flatMap(
        ({ parts }) => (parts as { events: Traced[] }[] | undefined)?.flatMap(({ events }) => events) ?? [],
      )
    await expect.poll(() => tracesOf(delivered())).toEqual(expected)
    client.close()
  })

  it('I-TRACE-1 that are malformed refuse nothing', async () => {
    const client = await RawClient.greeted(server.port)
    const bad = [7, 'x', [[]], [{ traceparent: 'x' }], [{ traceparent: spanOf('0') }], [{ from: -3 }]]
    for (const [i, trace] of bad.entries()) {
      client.send({ type: 'publish', seq: i + 1, topic: 'sensor.reading', trace, events: [readingOf('malformed')] })
      expect(await client.next('ack')).not.toHaveProperty('rejected')
    }
    const events = await stored('malformed')
    expect(events).toHaveLength(bad.length)
    for (const event of events) expect(event).not.toHaveProperty('traceparent')
    client.close()
  })

  it('I-TRACE-2 are no part of the content: a resend in another trace is the same frame', async () => {
    const hello = { producer: 'retraced', session: 1, sequence: 'new' }
    const client = await RawClient.greeted(server.port, hello)
    const frame = { type: 'publish', seq: 1, topic: 'sensor.reading' }
    const events = [{ id: 'once', time: 1_732_350_000_000, ...readingOf('retraced') }]
    for (const trace of [[{ traceparent: spanOf('a') }], [{ traceparent: spanOf('b') }], undefined]) {
      client.send({ ...frame, trace, events })
      const isFirst = trace?.[0]?.traceparent === spanOf('a')
      expect(await client.next('ack')).toMatchObject({ seq: 1, ...(!isFirst && { duplicate: true }) })
    }
    expect(tracesOf(await stored('retraced'))).toEqual([{ id: 'once', traceparent: spanOf('a') }])
    client.close()
  })

  it('I-TRACE-2 do not count towards the size of an event', async () => {
    const client = await RawClient.greeted(server.port)
    const payment = (size: number) => {
      const dataOf = (paymentId: string) => ({ paymentId, orderId: 'o-1', amount: 1, currency: 'EUR' })
      const bare = JSON.stringify({ id: 'x', key: 'o-1', time: 1_732_350_000_000, data: dataOf('') })
      return { id: 'x', time: 1_732_350_000_000, data: dataOf('p'.repeat(size - bare.length)) }
    }
    const trace = [{ traceparent: spanOf('c'), tracestate: 's'.repeat(512) }]
    for (const [i, size] of [LIMITS.eventBytes, LIMITS.eventBytes + 1].entries()) {
      client.send({ type: 'publish', seq: i + 1, topic: 'commerce.payment_received', trace, events: [payment(size)] })
    }
    const acks = [await client.next('ack'), await client.next('ack')]
    expect(acks.find(({ seq }) => seq === 1)).not.toHaveProperty('rejected')
    expect(acks.find(({ seq }) => seq === 2)).toMatchObject({ rejected: [{ code: 'event_too_large' }] })
    client.close()
  })

  it('B-TRACE-1 are named in the header of their batch where they are recorded', async () => {
    const client = await RawClient.greeted(server.port)
    const trace = [{ traceparent: spanOf('d', '00') }, { from: 1, traceparent: spanOf('d') }, { from: 2 }]
    const events = ['n-0', 'n-1', 'n-2'].map((id) => ({ id, ...readingOf('noted') }))
    client.send({ type: 'publish', seq: 1, topic: 'sensor.reading', trace, events })
    const { at } = (await client.next('ack')) as unknown as { at: [string] }
    const [, partition, streamId] = /^(\d+)@\w+\/([\d-]+)\./.exec(at[0])!
    const [[, fields]] = (await redis.xrange(keys.log(Number(partition), 'sensor.reading'), streamId!, streamId!)) as [
      [string, string[]],
    ]
    const header = fields[fields.indexOf('h') + 1]!
    const { sampled, count } = decodeHeader(header)
    expect(sampled).toEqual([count - 2])
    client.close()
  })
})

describe('traces of requests', () => {
  it('G-TRACE-1 are those of the headers', async () => {
    const headers = { 'content-type': 'application/json', traceparent: spanOf('e'), tracestate: 'v=2' }
    await post({ topic: 'sensor.reading', id: 'header', ...readingOf('requests') }, headers)
    await post({ topic: 'sensor.reading', id: 'bad', ...readingOf('requests') }, { ...headers, traceparent: 'x' })
    expect(tracesOf(await stored('requests'))).toEqual([
      { id: 'header', traceparent: spanOf('e'), tracestate: 'v=2' },
      { id: 'bad' },
    ])
  })

  it('G-TRACE-1 of CloudEvents are those of their attributes first', async () => {
    const own = { traceparent: spanOf('1'), tracestate: 'own=1' }
    const batch = [
      { ...CLOUD_EVENT, id: 'own', ...readingOf('cloud'), ...own },
      { ...CLOUD_EVENT, id: 'none', ...readingOf('cloud') },
    ]
    await post(batch, { 'content-type': 'application/cloudevents-batch+json', traceparent: spanOf('2') })
    await post(readingOf('cloud').data, {
      'content-type': 'application/json',
      ...{ 'ce-specversion': '1.0', 'ce-type': 'sensor.reading', 'ce-id': 'binary', 'ce-source': '/a' },
      ...{ 'ce-traceparent': spanOf('3'), 'ce-tracestate': 'v%3D3', traceparent: spanOf('2') },
    })
    expect(tracesOf(await stored('cloud'))).toEqual([
      { id: 'own', ...own },
      { id: 'none', traceparent: spanOf('2') },
      { id: 'binary', traceparent: spanOf('3'), tracestate: 'v=3' },
    ])
  })

  it('G-TRACE-1 are no part of the content under an Idempotency-Key', async () => {
    const send = (changes: object, data = readingOf('keyed')) =>
      post(
        { ...CLOUD_EVENT, id: 'k', ...data, ...changes },
        { 'content-type': 'application/cloudevents+json', 'idempotency-key': 'traced-1', traceparent: spanOf('4') },
      )
    expect(await send({ traceparent: spanOf('5') })).toMatchObject({ status: 200, body: { duplicate: false } })
    for (const changes of [{ traceparent: spanOf('6') }, { tracestate: 'x=1', traceparent: spanOf('6') }, {}]) {
      expect(await send(changes)).toMatchObject({ status: 200, body: { duplicate: true } })
    }
    expect(await send({}, readingOf('keyed', 21))).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } })
    expect(tracesOf(await stored('keyed'))).toEqual([{ id: 'k', traceparent: spanOf('5') }])
  })

  it('G-TRACE-1 may be sent by pages of other origins', async () => {
    const { headers } = await fetch(`${server.url}/v1/events`, {
      method: 'OPTIONS',
      headers: { origin: `http://localhost:${server.port}`, 'access-control-request-method': 'POST' },
    })
    expect(headers.get('access-control-allow-headers')).toContain('traceparent, tracestate')
  })
})

describe('traces of the SDK', () => {
  const client = createClient({ url: server.url })
  afterAll(() => client.close())

  it('C-TRACE-1 travel with the events of their call, and are shown to subscribers', async () => {
    const seen: Traced[] = []
    await client.subscribe('sensor.reading', { keys: ['sdk'] }, (event) => void seen.push(event)).ready
    const publish = (id: string, trace?: object) =>
      client.publish('sensor.reading', { id, ...readingOf('sdk') }, trace === undefined ? {} : { trace })
    await Promise.all([
      publish('none'),
      publish('a', { traceparent: spanOf('7'), tracestate: 'v=7' }),
      publish('bad', { traceparent: 'x' }),
      publish('b', { traceparent: spanOf('8', '00') }),
    ])
    await expect
      .poll(() => tracesOf(seen))
      .toEqual([
        { id: 'none' },
        { id: 'a', traceparent: spanOf('7'), tracestate: 'v=7' },
        { id: 'bad' },
        { id: 'b', traceparent: spanOf('8', '00') },
      ])
  })
})
