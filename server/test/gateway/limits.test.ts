import { CLOSE, LIMITS } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS, parseLimits, parseTrustedProxies, QUANTITIES } from '../../src/limits/index.ts'
import { readingOf } from '../support/contract.ts'
import { EventStream } from '../support/event-stream.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

const MIB = 1_048_576
const MAX_REFUSED = DEFAULT_LIMITS.connection.refusals! * QUANTITIES.refusals.burstSeconds
const server = await useGateway(undefined, {
  // The test is the proxy: each test has an address of its own.
  trustedProxies: parseTrustedProxies('127.0.0.1'),
  limits: parseLimits(
    [
      // Frames that wait for a share are none that wait for answers.
      'address.work=off',
      'address.connections=3',
      'address.frames=50',
      'address.events=10',
      'address.producers=4',
      'address.keys=5',
      'address.subscriptions=13',
      'address.filterTerms=6',
      `address.subscriptionBytes=${20 * MIB}`,
      'connection.filterTerms=4',
      'connection.queries=2',
      'address.tickets=1',
    ].join(),
  ),
})
const { port, url } = server

let addresses = 0
const newAddress = () => ({ 'x-forwarded-for': `203.0.113.${++addresses}` })
type From = ReturnType<typeof newAddress>

const greeted = (from: From, hello: object = {}) => RawClient.greeted(port, hello, from)
const send = (from: From, path: string, init: RequestInit = {}) =>
  fetch(`${url}${path}`, { ...init, headers: { ...from, ...init.headers } })
const events = (count: number, key: (i: number) => string = () => 's') =>
  Array.from({ length: count }, (_, i) => readingOf(key(i)))
const publish = (seq: number, count: number, key?: (i: number) => string) => ({
  type: 'publish',
  seq,
  topic: 'sensor.reading',
  events: events(count, key),
})
const post = (from: From, count: number, headers: Record<string, string> = {}, key?: (i: number) => string) =>
  send(from, '/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(events(count, key).map((event) => ({ topic: 'sensor.reading', ...event }))),
  })
const subscribe = (sub: number, options: object = {}) => ({
  type: 'subscribe',
  sub,
  topic: 'sensor.reading',
  ...options,
})
const countOf = async (limit: string) => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^tidegate_limited_total\\{.*limit="${limit}".*\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

describe('limits', () => {
  it('G-LIMIT-1 G-LIMIT-8 an address opens no more connections than it may, sockets and streams together', async () => {
    const from = newAddress()
    const [one, two] = [await greeted(from), await greeted(from)]
    const stream = await EventStream.open(`${url}/v1/stream?topic=sensor.reading`, from)
    await stream.nextOf('subscribed')
    await expect(greeted(from)).rejects.toThrow('429')
    const refused = await EventStream.open(`${url}/v1/stream?topic=sensor.reading`, from)
    expect((await refused.next())?.data).toMatchObject({ code: 'rate_limited', retryable: true })
    expect(refused.retryMs).toBe(5_000)
    const other = await greeted(newAddress())
    one.close()
    await expect
      .poll(() =>
        greeted(from).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    for (const client of [two, other]) client.close()
    stream.close()
  })

  it('G-LIMIT-2 frames over the rate are refused on their ids, and a client that goes on regardless is closed', async () => {
    const from = newAddress()
    const client = await greeted(from)
    client.send(subscribe(1))
    await client.next('subscribed')
    // Enough for a busy machine: while it reads them, there is room for 50 more each second.
    const asked = 400
    for (let id = 0; id < asked; id++) client.send({ type: 'query', id, name: 'topics' })
    client.send({ type: 'unsubscribe', sub: 1 })
    expect(await client.next('unsubscribed')).toMatchObject({ sub: 1, code: 'ok' })
    const refusals = () => client.frames.filter(({ code }) => code === 'rate_limited')
    const results = () => client.frames.filter(({ type }) => type === 'result')
    // Refusals leave together, and later than an answer.
    await expect.poll(() => refusals().length + results().length).toBe(asked)
    const refused = refusals()
    expect(refused.length).toBeGreaterThan(10)
    for (const { retryable, retryAfterMs } of refused) {
      expect(retryable).toBe(true)
      expect(retryAfterMs).toBeLessThan(1_000)
    }
    for (let id = 0; id < 2 * MAX_REFUSED; id++) client.send({ type: 'query', id, name: 'topics' })
    const { code, reason } = await client.closed
    expect(code).toBe(CLOSE.overload)
    expect(JSON.parse(reason).retryAfterMs).toBeGreaterThan(0)
    expect(await countOf('address.frames')).toBeGreaterThan(MAX_REFUSED)
  })

  it('G-LIMIT-3 events over the rate are refused, and stored once when they come again', async () => {
    const from = newAddress()
    const client = await greeted(from, { producer: 'limited', session: 1, sequence: 'new' })
    // At once: two seconds later there would be room again.
    client.send(publish(1, 20))
    client.send(publish(2, 20))
    expect(await client.next('ack')).toMatchObject({ seq: 1 })
    const { seq, code, retryAfterMs } = await client.next('reject')
    expect([seq, code]).toEqual([2, 'rate_limited'])
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs as number))
    client.send(publish(2, 20))
    expect(await client.next('ack')).not.toHaveProperty('duplicate')
    const answers = await Promise.all([post(from, 20), post(from, 20)])
    const refused = answers.find(({ status }) => status === 429)
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    client.close()
  })

  it('G-LIMIT-3 G-LIMIT-6 producers, Idempotency-Keys and new keys are limited alike', async () => {
    const from = newAddress()
    for (let i = 0; i < 3; i++) expect((await post(from, 1, { 'idempotency-key': `k${i}` })).status).toBe(200)
    ;(await greeted(from, { producer: 'p', session: 1 })).close()
    expect((await post(from, 1, { 'idempotency-key': 'k4' })).status).toBe(429)
    const client = await RawClient.connect(port, undefined, from)
    client.send({ type: 'hello', protocol: 1, client: 'test', producer: 'q', session: 1 })
    expect(await client.next('error')).toMatchObject({ code: 'rate_limited' })
    expect((await client.closed).code).toBe(CLOSE.overload)

    const many = newAddress()
    expect((await post(many, 5, {}, (i) => `new-${i}`)).status).toBe(200)
    await expect.poll(async () => (await post(many, 1)).status).toBe(429)
    expect(await countOf('address.keys')).toBeGreaterThan(0)
  })

  it('G-LIMIT-4 subscriptions, their bytes and their conditions are limited, and free when they end', async () => {
    const from = newAddress()
    const [one, two] = [await greeted(from), await greeted(from)]
    const where = 'data.temperature > 1 && data.temperature < 50'
    for (const sub of [1, 2]) one.send(subscribe(sub, { where }))
    one.send(subscribe(3, { where }))
    expect(await one.next('error')).toMatchObject({ sub: 3, code: 'too_many_subscriptions', retryable: false })
    // Where there is no room, its conditions are not even read.
    one.send(subscribe(3, { where: 'no condition' }))
    expect(await one.next('error')).toMatchObject({ sub: 3, code: 'too_many_subscriptions' })
    // A changed subscription over the limit keeps what it had.
    one.send(subscribe(1, { where: `${where} && has(key)` }))
    expect(await one.next('error')).toMatchObject({ sub: 1, code: 'too_many_subscriptions' })
    two.send(subscribe(1, { where }))
    await two.next('subscribed')
    two.send(subscribe(2, { where }))
    expect(await two.next('error')).toMatchObject({ sub: 2, code: 'rate_limited', retryable: true })
    one.send({ type: 'unsubscribe', sub: 1 })
    await one.next('unsubscribed')
    two.send(subscribe(2, { where }))
    await two.next('subscribed')
    for (let sub = 3; sub <= 20; sub++) two.send(subscribe(sub))
    expect((await two.next('error')).message).toContain('address.subscriptions')
    one.close()
    two.close()
  })

  it('G-LIMIT-4 G-LIMIT-7 64 subscriptions of 1,000 long keys are refused before they take more than a connection may', async () => {
    const client = await greeted(newAddress())
    const keys = Array.from({ length: LIMITS.subscriptionKeys }, (_, i) => `${i}-`.padEnd(LIMITS.keyBytes, 'k'))
    for (let sub = 0; sub < 14; sub++) client.send(subscribe(sub, { keys }))
    await expect.poll(() => client.frames.length, { timeout: 10_000 }).toBe(14)
    const granted = client.frames.filter(({ type }) => type === 'subscribed').length
    const refused = client.frames.filter(({ code }) => code === 'too_many_subscriptions')
    expect(granted + refused.length).toBe(14)
    client.frames.length = 0
    expect(granted).toBeGreaterThan(8)
    expect(granted).toBeLessThan(14)
    const text = await (await fetch(`${url}/metrics`)).text()
    const held = Number(/^tidegate_held_bytes\{.*of="subscriptions".*\} (\d+)/m.exec(text)?.[1])
    expect(held).toBeGreaterThan(granted * LIMITS.subscriptionKeys * LIMITS.keyBytes)
    expect(held).toBeLessThan(17 * MIB)
    client.send(subscribe(50, { keys: ['k'.repeat(LIMITS.keyBytes + 1)] }))
    expect((await client.next('error')).message).toContain('keys:')
    client.close()
    await expect
      .poll(
        async () =>
          /^tidegate_held_bytes\{.*of="subscriptions".*\} (\d+)/m.exec(
            await (await fetch(`${url}/metrics`)).text(),
          )?.[1],
      )
      .toBe('0')
  })

  it('G-LIMIT-5 queries beyond those that may be unanswered are refused', async () => {
    const client = await greeted(newAddress())
    for (let id = 1; id <= 5; id++)
      client.send({ type: 'query', id, name: 'history', params: { topic: 'sensor.reading' } })
    for (const id of [3, 4, 5])
      expect(await client.next('error')).toMatchObject({ id, code: 'rate_limited', retryAfterMs: 100 })
    await client.next('result')
    await client.next('result')
    client.send({ type: 'query', id: 6, name: 'topics' })
    expect((await client.next('result')).id).toBe(6)
    client.close()
  })

  it('G-LIMIT-6 requests over the rate are answered with 429, those of others are not', async () => {
    const from = newAddress()
    const answers = await Promise.all(Array.from({ length: 130 }, () => send(from, '/livez')))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(10)
    expect(await refused[0]!.json()).toMatchObject({ error: { code: 'rate_limited' } })
    expect((await send(newAddress(), '/livez')).status).toBe(200)
  })

  it('ACC-TICKET-4 tickets over the rate of their address are refused, those of others are not', async () => {
    const from = newAddress()
    const ticket = async (of: From) => (await send(of, '/v1/tickets', { method: 'POST' })).status
    const statuses: number[] = []
    // A burst of ten seconds, and what comes meanwhile.
    while (statuses.length < 30) statuses.push(await ticket(from))
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(201))
    expect(statuses).toContain(429)
    expect(await ticket(newAddress())).toBe(201)
  })
})
