import { createConnection } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import { startWorker } from '../../src/worker-app.ts'
import { PATIENT_APPEND_MS } from '../support/bus.ts'
import { contract, readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()

const reading = (sensorId: string) => ({ topic: 'sensor.reading', ...readingOf(sensorId) })

async function post(body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function get(path: string) {
  const response = await fetch(server.url + path)
  return { status: response.status, text: await response.text() }
}

async function history(topic: string): Promise<{ key: string; id: string; source?: string; time: number }[]> {
  const pages = await Promise.all([0, 1, 2, 3].map((p) => get(`/v1/history?topic=${topic}&partition=${p}&limit=1000`)))
  return pages.flatMap(({ text }) => (JSON.parse(text) as { events: never[] }).events)
}

describe('POST /v1/events', () => {
  it('G-PUBLISH-1 takes one event, an array, and the good part of a mixed one', async () => {
    expect(await post(reading('h-1'))).toMatchObject({ status: 200, body: { accepted: 1, rejected: [] } })
    const mixed = [
      reading('h-2'),
      { topic: 'sensor.reading', data: { sensorId: 'h-3' } },
      { topic: 'no.such', data: {} },
    ]
    expect(await post(mixed)).toMatchObject({
      status: 200,
      body: {
        accepted: 1,
        rejected: [
          { index: 1, code: 'invalid_data', path: 'temperature' },
          { index: 2, code: 'unknown_topic' },
        ],
      },
    })
    const stored = (await history('sensor.reading')).map(({ key }) => key)
    expect(stored.filter((key) => key.startsWith('h-')).sort()).toEqual(['h-1', 'h-2'])
  })

  it('G-PUBLISH-1 lists a bad envelope like a bad event, and stores the good ones', async () => {
    const batch = [reading('b-1'), 7, null, { data: {} }, { topic: 7, data: {} }, [], reading('b-2')]
    const answer = await post(batch)
    expect(answer).toMatchObject({ status: 200, body: { accepted: 2, duplicate: false } })
    expect(answer.body.rejected).toMatchObject([1, 2, 3, 4, 5].map((index) => ({ index, code: 'invalid_event' })))
    expect((await history('sensor.reading')).filter(({ key }) => key.startsWith('b-'))).toHaveLength(2)
    expect(await post([null, 'x'])).toMatchObject({ status: 400, body: { accepted: 0, duplicate: false } })
    expect(await post(null)).toMatchObject({ status: 400, body: { rejected: [{ index: 0, code: 'invalid_event' }] } })
  })

  it('G-PUBLISH-2 refuses what is not JSON, empty, or too long', async () => {
    expect(await post('not json')).toMatchObject({ status: 400, body: { error: { code: 'invalid_frame' } } })
    expect(await post([])).toMatchObject({ status: 400, body: { error: { code: 'empty_frame' } } })
    const many = Array.from({ length: 100_000 }, () => 0)
    expect(await post(many)).toMatchObject({ status: 413, body: { error: { code: 'too_many_events' } } })
    const large = 'x'.repeat(10 * 1_048_576)
    expect(await post(large)).toMatchObject({ status: 413, body: { error: { code: 'frame_too_large' } } })
    expect(await post({ topic: 'sensor.hot', data: {} })).toMatchObject({
      status: 403,
      body: { error: { code: 'not_publishable' } },
    })
  })

  it('G-PUBLISH-1 keeps the first of two events with one id', async () => {
    const twice = [
      { id: 'same', ...reading('d-1') },
      { id: 'same', ...reading('d-2') },
    ]
    expect(await post(twice)).toMatchObject({ body: { accepted: 1, rejected: [{ index: 1, code: 'duplicate_id' }] } })
  })

  it('G-PUBLISH-4 stores a request with an Idempotency-Key once, and calls other content a conflict', async () => {
    const key = { 'idempotency-key': 'order-77' }
    const first = await post(reading('i-1'), key)
    expect(await post(reading('i-1'), key)).toEqual({ status: 200, body: { ...first.body, duplicate: true } })
    const other = { topic: 'sensor.reading', ...readingOf('i-1', 99) }
    expect(await post(other, key)).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } })
    expect((await history('sensor.reading')).filter((event) => event.key === 'i-1')).toHaveLength(1)
    expect(await post(reading('i-2'), { 'idempotency-key': 'spaces are not allowed' })).toMatchObject({ status: 400 })
  })

  it('G-HTTP-3 names the way out: Retry-After while Redis does not answer', async () => {
    const redis = openCommandConnection(server.redis.url, 'pause')
    await untilReady(redis, 2_000)
    await redis.client('PAUSE', PATIENT_APPEND_MS + 600, 'ALL')
    const response = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify(reading('r-1')),
      headers: { 'content-type': 'application/json' },
    })
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await response.json()).toMatchObject({ error: { code: 'unavailable', retryAfterMs: expect.any(Number) } })
    redis.disconnect()
    await expect.poll(async () => (await post(reading('r-2'))).status).toBe(200)
  })
})

describe('other routes', () => {
  it('G-HTTP-1 refuses two Content-Length headers', async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = createConnection({ port: server.port, host: '127.0.0.1' })
      socket.once('data', (data) => resolve(data.toString()))
      socket.write('POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}')
    })
    expect(answer).toMatch(/^HTTP\/1\.1 400/)
  })

  it('G-HTTP-2 answers an upgrade without the subprotocol with 400', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/ws`, 'other.v9')
    const status = await new Promise((resolve) => {
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode))
      socket.once('error', () => {})
    })
    expect(status).toBe(400)
  })

  it('G-HTTP-3 answers unknown paths, windows and methods with an error object', async () => {
    expect((await get('/nothing/here')).status).toBe(404)
    expect(JSON.parse((await get('/v1/windows/no.such')).text)).toMatchObject({ error: { code: 'not_found' } })
    expect(JSON.parse((await get('/v1/history?topic=nope')).text)).toMatchObject({ error: { code: 'unknown_topic' } })
    expect((await fetch(`${server.url}/v1/events`)).status).toBe(405)
  })

  it('lists the topics of the contract with schema and key', async () => {
    const { topics } = JSON.parse((await get('/v1/topics')).text) as { topics: { name: string; key?: string }[] }
    expect(topics.map(({ name }) => name).sort()).toEqual([...contract.topics.keys()].sort())
    expect(topics.find(({ name }) => name === 'sensor.reading')).toMatchObject({ key: 'sensorId', kind: 'source' })
  })
})

describe('health', () => {
  it('G-HEALTH-1 is ready only while every partition has an owner, and says which part is not', async () => {
    expect((await get('/livez')).status).toBe(200)
    const owner = { part: 'owner', since: expect.any(Number), why: expect.stringContaining('no worker') }
    // Delivery may still be red from the pause of the test before.
    const red = async () => (JSON.parse((await get('/readyz')).text) as { red: object[] }).red
    await expect.poll(red).toMatchObject([0, 1, 2, 3].map((partition) => ({ ...owner, partition })))
    expect((await get('/readyz')).status).toBe(503)
    const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }
    const worker = await startWorker(settings, contract)
    await expect.poll(async () => (await get('/readyz')).status).toBe(200)
    await worker.close({ deadlineMs: 2_000 })
    await expect.poll(async () => (await get('/readyz')).status).toBe(503)
  })

  it('G-HEALTH-2 renders its metrics for Prometheus', async () => {
    const { text } = await get('/metrics')
    expect(text).toMatch(/^tidegate_connections\{kind="websocket"\} \d+$/m)
    expect(text).toMatch(/^tidegate_ready 0$/m)
    expect(text).toMatch(/^tidegate_canary_age_seconds\{partition="3"\} \d/m)
    expect(text).toMatch(/^tidegate_breaker_state\{class="append",redis="",state="closed"\} 1$/m)
  })

  it('serves on after everything above', async () => {
    expect(await post(reading('last'))).toMatchObject({ status: 200 })
  })
})
