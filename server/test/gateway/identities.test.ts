import { readFileSync } from 'node:fs'
import { get } from 'node:https'
import { CLOSE, SHARED_SUBPROTOCOL } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { revoke } from '../../src/access/index.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { parseOriginPattern } from '../../src/web-origin.ts'
import { SECRET, signed } from '../support/access-tokens.ts'
import { useAuthorities } from '../support/certificates.ts'
import { httpRequest } from '../support/http-request.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useBus } from '../support/use-redis.ts'

const reading = topic('sensor.reading', { schema: z.object({ id: z.string() }), key: 'id' })
const { contract } = defineConfig({
  topics: [reading],
  access: {
    rules: [{ caller: 'certificate', allow: { subscribe: ['sensor.reading:$sub'], query: ['sensor.reading:$sub'] } }],
  },
})
const settings = { anonymous: 'rules', secret: SECRET, toleranceSeconds: 0, rightsClaim: 'tidegate' } as const

const ca = useAuthorities()('authority')
const [device, first] = [ca.issue('device'), ca.issue('first')]
const shown = ({ cert, key }: typeof device) => ({
  ...{ ca: readFileSync(ca.cert), cert: readFileSync(cert), key: readFileSync(key) },
})
const tls = { ...ca.issue('gateway'), clientCa: ca.cert }
const access = { ...settings, certificateName: 'cn' } as const
const SERVERS = {
  uws: await useGateway(contract, { tls, access, transport: 'uws' }),
  node: await useGateway(contract, { tls, access, transport: 'node' }),
}

describe.each(Object.entries(SERVERS))('client certificates over %s', (_, server) => {
  const opened = useBus(server.redis, 4)

  const ask = (path: string, certificate: typeof device, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      get(
        `https://127.0.0.1:${server.port}${path}`,
        { ...shown(certificate), headers, agent: false },
        async (answer) => {
          let text = ''
          for await (const chunk of answer) text += String(chunk)
          resolve({ status: answer.statusCode!, text })
        },
      ).on('error', reject)
    })

  async function hello(certificate: typeof device, frame: object = {}) {
    const socket = new WebSocket(`wss://127.0.0.1:${server.port}/v1/ws`, 'tidegate.v1', shown(certificate))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    const answer = new Promise<Record<string, unknown>>((resolve) =>
      socket.once('message', (data) => resolve(JSON.parse(String(data)) as Record<string, unknown>)),
    )
    socket.send(JSON.stringify({ type: 'hello', protocol: 1, client: 'test', ...frame }))
    return { answer: await answer, closed, close: () => socket.terminate() }
  }

  it('ACC-CERT-1 ACC-CERT-2 let in as whom they are of, unless a token is shown, and no longer once that is revoked', async () => {
    const topics = await ask('/v1/topics', device)
    expect([topics.status, topics.text]).toEqual([200, expect.stringContaining('sensor.reading')])
    const token = await signed({ tidegate: {} })
    expect((await ask('/v1/topics', device, { authorization: `Bearer ${token}` })).text).not.toContain('sensor.reading')
    expect((await ask('/v1/topics', device, { authorization: 'Bearer wrong' })).status).toBe(401)
    const live = await hello(device)
    // Until the certificate expires, about.
    expect(live.answer).toMatchObject({ type: 'welcome', expiresInMs: expect.any(Number) })
    const other = await hello(first)
    await revoke(opened.bus.access(), { kind: 'sub', subject: 'device' }, Date.now(), 3_650)
    expect(await live.closed).toBe(CLOSE.unauthorized)
    expect((await ask('/v1/topics', device)).status).toBe(401)
    expect((await hello(device)).answer).toMatchObject({ type: 'error', code: 'unauthorized' })
    expect((await ask('/v1/topics', first)).status).toBe(200)
    other.close()
  })
})

const open = await useGateway(contract, {
  access: settings,
  cookie: '__Host-tidegate',
  origins: [parseOriginPattern('https://app.example.org')],
})
const token = await signed({ sub: 'ann', tidegate: { query: ['sensor.*'], subscribe: ['sensor.*'] } })
const cookie = `theme=dark; __Host-tidegate=${token}`
const own = `http://127.0.0.1:${open.port}`
const statusOf = async (headers: Record<string, string>) =>
  (await httpRequest(open.port, 'GET', '/v1/topics', headers)).status

describe('a cookie', () => {
  it('ACC-COOKIE-1 counts where a page of the gateway or of a named origin asks, and nowhere else', async () => {
    expect(await statusOf({ cookie, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await statusOf({ cookie, origin: own })).toBe(200)
    expect(await statusOf({ cookie, origin: 'https://app.example.org', 'sec-fetch-site': 'same-site' })).toBe(200)
    // No page, one that a person went to, one of another program of this machine: nobody has the cookie there.
    expect(await statusOf({ cookie })).toBe(401)
    expect(await statusOf({ cookie, 'sec-fetch-site': 'none' })).toBe(401)
    expect(await statusOf({ cookie, origin: 'http://localhost:3000' })).toBe(401)
    expect(await statusOf({ cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' })).toBe(401)
    expect(await statusOf({ cookie, origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf({ cookie, origin: 'null' })).toBe(403)
  })

  it('ACC-COOKIE-1 that is there twice, or holds no token, is none', async () => {
    const site = { 'sec-fetch-site': 'same-origin' }
    expect(await statusOf({ ...site, cookie: `${cookie}; __Host-tidegate=x` })).toBe(401)
    expect(await statusOf({ ...site, cookie: '__Host-tidegate=' })).toBe(401)
    expect(await statusOf({ ...site, cookie: `__Host-tidegateX=${token}` })).toBe(401)
    expect(await statusOf({ ...site, cookie, authorization: 'Bearer wrong' })).toBe(401)
  })

  it('ACC-COOKIE-2 opens streams and sockets', async () => {
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const stream = await httpRequest(open.port, 'GET', '/v1/stream?topic=sensor.reading', headers)
    expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream'])
    const client = await RawClient.greeted(open.port, {}, { cookie, origin: own })
    client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading' })
    await client.next('subscribed')
    client.close()
    const stranger = await RawClient.connect(open.port, undefined, { cookie, origin: 'http://localhost:3000' })
    stranger.send({ type: 'hello', protocol: 1, client: 'test' })
    expect((await stranger.closed).code).toBe(CLOSE.unauthorized)
  })

  it('G-SHARED-2 does not count for clients that share a socket: each shows a token', async () => {
    const headers = { cookie, origin: own }
    const socket = new WebSocket(`ws://127.0.0.1:${open.port}/v1/ws`, SHARED_SUBPROTOCOL, { headers })
    const got: string[] = []
    socket.on('message', (data) => got.push(String(data)))
    await new Promise((resolve) => socket.once('open', resolve))
    const hello = { type: 'hello', protocol: 1, client: 'test' }
    socket.send('1+')
    socket.send(`1:${JSON.stringify(hello)}`)
    socket.send('2+')
    socket.send(`2:${JSON.stringify({ ...hello, token })}`)
    await expect.poll(() => got.filter((text) => /^1-4401|^2:{"type":"welcome"/.test(text))).toHaveLength(2)
    socket.terminate()
  })
})
