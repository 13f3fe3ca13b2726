import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { CLOSE } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { parseLimits, parseTrustedProxies } from '../../src/limits/index.ts'
import { readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway(undefined, {
  // The test is the proxy: each test has an address of its own.
  trustedProxies: parseTrustedProxies('127.0.0.1'),
  limits: parseLimits(
    'address.bytes=200000,address.starts=100,address.reads=100000,address.refusals=3,address.frames=100,connection.starts=off',
  ),
})
const { port, url } = server

let addresses = 0
const newAddress = () => ({ 'x-forwarded-for': `198.51.100.${++addresses}` })
type From = ReturnType<typeof newAddress>

const greeted = (from: From, hello: object = {}) => RawClient.greeted(port, hello, from)
const subscribe = (sub: number, options: object = {}) => ({
  type: 'subscribe',
  sub,
  topic: 'sensor.reading',
  ...options,
})
const history = (id: number) => ({ type: 'query', id, name: 'history', params: { topic: 'sensor.reading' } })

/** A connection that writes and keeps what comes, with the address of a client behind the proxy. */
function raw(from: From, head: string) {
  const socket = connect({ port, host: '127.0.0.1' })
  let text = ''
  socket.on('data', (data) => {
    text += data
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(`${head}Host: localhost\r\nX-Forwarded-For: ${from['x-forwarded-for']}\r\n`)
  return { socket, closed, text: () => text }
}

describe('costs', () => {
  it('G-LIMIT-9 subscriptions that begin too fast are refused, and begin when they have waited as told; open ones and others stay', async () => {
    const from = newAddress()
    const client = await greeted(from)
    client.send(subscribe(1))
    await client.next('subscribed')
    // Each begins in four partitions, and 1,600 keys are as much as 100 places.
    const keys = Array.from({ length: 800 }, (_, i) => `k${i}`)
    for (let sub = 2; sub <= 20; sub++) client.send(subscribe(sub, { keys }))
    const { sub, code, message, retryable, retryAfterMs } = await client.next('error')
    expect({ code, retryable }).toEqual({ code: 'rate_limited', retryable: true })
    expect(message).toContain('address.starts')
    expect(sub).toBeLessThan(12)
    const other = await greeted(newAddress())
    other.send(subscribe(1))
    await other.next('subscribed')
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs as number))
    client.send(subscribe(sub as number))
    await expect.poll(() => client.frames.some((frame) => frame.type === 'subscribed' && frame.sub === sub)).toBe(true)
    client.close()
    other.close()
  })

  it('G-LIMIT-9 G-LIMIT-2 who subscribes and unsubscribes regardless is closed', async () => {
    const client = await greeted(newAddress())
    for (let i = 0; i < 60; i++) {
      client.send(subscribe(1))
      client.send({ type: 'unsubscribe', sub: 1 })
    }
    for (let i = 0; i < 150; i++) client.send(subscribe(i, { keys: ['k'] }))
    const { code, reason } = await client.closed
    expect(code).toBe(CLOSE.overload)
    expect(JSON.parse(reason).retryAfterMs).toBeGreaterThan(0)
  })

  it('G-LIMIT-10 queries that have read too much are refused, and replays wait; those of others do not', async () => {
    const publisher = await greeted(newAddress())
    for (let seq = 1; seq <= 3; seq++) {
      const events = Array.from({ length: 100 }, () => readingOf('one'))
      publisher.send({ type: 'publish', seq, topic: 'sensor.reading', events })
    }
    for (let i = 0; i < 3; i++) await publisher.next('ack')
    const client = await greeted(newAddress())
    // Each counts as 16 KiB at least.
    const refused = () => client.frames.find(({ type }) => type === 'error')
    let askedAt = 0
    for (let id = 1; id <= 60 && refused() === undefined; id++) {
      askedAt = performance.now()
      client.send(history(id))
      await expect.poll(() => client.frames.some((frame) => frame.id === id), { interval: 2 }).toBe(true)
    }
    const { message, retryAfterMs, ...error } = refused()!
    expect(error).toMatchObject({ code: 'rate_limited', retryable: true })
    expect(message).toContain('address.reads')
    client.send(subscribe(1, { from: 'earliest' }))
    const other = await greeted(newAddress())
    other.send(subscribe(1, { from: 'earliest' }))
    await other.next('batch')
    await client.next('batch')
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual((retryAfterMs as number) - 1)
    for (const each of [publisher, client, other]) each.close()
  })

  it('G-LIMIT-11 a body counts as it arrives, and is refused before its end', async () => {
    const from = newAddress()
    const { socket, closed, text } = raw(from, 'POST /v1/events HTTP/1.1\r\n')
    socket.write('Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n')
    for (let i = 0; i < 19; i++) socket.write(' '.repeat(100_000))
    await closed
    expect(text()).toMatch(/^HTTP\/1.1 429 [\s\S]*address.bytes/)
  })

  it.each(['localhost', 'unknown.example'])(
    'G-LIMIT-12 requests that are refused again and again end their connection, also those for %s',
    async (host) => {
      const from = newAddress()
      const head = `GET /livez HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-For: ${from['x-forwarded-for']}\r\n\r\n`
      const { socket, closed, text } = raw(from, 'GET /livez HTTP/1.1\r\n')
      socket.write('\r\n')
      // Within the limit, or before: uWebSockets.js closes a connection that does not wait for its turn.
      socket.write(head.repeat(400))
      await closed
      expect([...text().matchAll(/HTTP\/1.1 429/g)].length).toBeLessThanOrEqual(31)
      expect((await fetch(`${url}/livez`, { headers: newAddress() })).status).toBe(200)
    },
  )

  it('G-TURN-3 requests that come without waiting for an answer leave others their turn', async () => {
    const { socket, closed } = raw(newAddress(), 'GET /v1/topics HTTP/1.1\r\n')
    const head = 'GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const lag = monitorEventLoopDelay({ resolution: 1 })
    lag.enable()
    socket.write(`\r\n${head.repeat(12_000)}`)
    await closed
    lag.disable()
    // All at once they took more than a second.
    expect(lag.max / 1e6).toBeLessThan(400)
  })
})
