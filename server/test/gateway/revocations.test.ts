import { connect, createServer, type Socket } from 'node:net'
import { CLOSE, formatShared, SHARED_SUBPROTOCOL } from '@tidegate/protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { addKey, revoke, revokeKeys } from '../../src/access/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import { defineConfig, entity, topic } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { ISSUED, SECRET, signed } from '../support/access-tokens.ts'
import { openTestBus, PATIENT_APPEND_MS } from '../support/bus.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { EventStream } from '../support/event-stream.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

/** A second, and what a busy machine adds to it. */
const WITHIN_MS = 3_000

const room = topic('room', { schema: z.object({ id: z.string() }), key: 'id', presence: true })
const counter = entity('counter', {
  key: 'id',
  version: 1,
  state: { initial: { n: 0 as number } },
  events: { added: z.object({ n: z.number() }) },
  evolve: { added: (state, { n }) => ({ n: state.n + n }) },
  commands: { add: { input: z.object({ n: z.number() }), decide: (_, { n }) => [{ type: 'added', data: { n } }] } },
})
const { contract } = defineConfig({
  topics: [room],
  entities: [counter],
  access: {
    rules: [{ caller: 'anyone', allow: { subscribe: ['>'], query: ['>'], publish: ['>'], command: ['>'] } }],
  },
})
const access = {
  ...({ anonymous: 'rules', secret: SECRET, issuer: ISSUED.iss, audience: ISSUED.aud } as const),
  ...{ toleranceSeconds: 0, rightsClaim: 'tidegate' },
}

/** A way to a port of this machine on which nothing passes while it is held. */
class Line {
  readonly #sockets = new Set<Socket>()
  #isHeld = false
  readonly #server = createServer((near) => {
    const far = connect(this.#to, '127.0.0.1')
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', () => {}).on('close', () => [near, far].map((each) => each.destroy()))
    }
    near.pipe(far).pipe(near)
    if (this.#isHeld) this.hold()
  })
  readonly #to: number

  constructor(to: number) {
    this.#to = to
  }

  open(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port))
    })
  }

  hold(): void {
    this.#isHeld = true
    for (const socket of this.#sockets) socket.pause()
  }

  release(): void {
    this.#isHeld = false
    for (const socket of this.#sockets) socket.resume()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

const server = await useGateway(contract, { access })
const line = new Line(Number(new URL(server.redis.url).port))
const later: RunningGateway[] = []
let far: RunningGateway
let worker: RunningWorker
let bus: Bus

const start = (redisUrl: string, node: string) =>
  startGateway(
    {
      ...{ redisUrl, node, partitions: 4, host: '127.0.0.1', port: 0, sharedPort: false, maxLagMs: 10_000, access },
      ...{
        transport: readSettings().transport,
        delivery: DELIVERY_LIMITS,
        appendDeadlineMs: PATIENT_APPEND_MS,
        onDefect: () => {},
      },
    },
    contract,
  )

beforeAll(async () => {
  const { redis } = server
  far = await start(`redis://127.0.0.1:${await line.open()}`, 'gw-far')
  worker = await startWorker({ redisUrl: redis.url, partitions: 4, workerId: 'w-1', log: () => {} }, contract)
  bus = await openTestBus(redis.url, 4)
}, 60_000)
afterAll(async () => {
  bus?.close()
  line.release()
  await worker?.close({ deadlineMs: 2_000 })
  for (const gateway of [far, ...later]) await gateway?.close({ deadlineMs: 100 })
  line.close()
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const urlOf = (port: number, path: string) => `http://127.0.0.1:${port}${path}`
const statusOf = async (port: number, token: string, path = '/v1/topics') =>
  (await fetch(urlOf(port, path), { headers: bearer(token) })).status

/** Everything that one caller may have open at a gateway. */
async function open(port: number, token: string) {
  const client = await RawClient.greeted(port, { token })
  client.send({ type: 'subscribe', sub: 1, topic: 'room' })
  await client.next('subscribed')
  client.send({ type: 'query', id: 1, name: 'entity', params: { name: 'counter', key: 'a', minVersion: '99' } })
  const stream = await EventStream.open(urlOf(port, '/v1/stream?topic=room'), bearer(token))
  const { ticket } = (await (
    await fetch(urlOf(port, '/v1/tickets'), { method: 'POST', headers: bearer(token) })
  ).json()) as { ticket: string }
  const ticketed = await EventStream.open(urlOf(port, `/v1/stream?topic=room&ticket=${ticket}`))
  const shared = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, SHARED_SUBPROTOCOL)
  await new Promise((resolve) => shared.once('open', resolve))
  const sharedEnd = new Promise<string>((resolve) =>
    shared.on('message', (data) => `${data}`.startsWith('1-') && resolve(`${data}`)),
  )
  const greeted = new Promise((resolve) => shared.once('message', resolve))
  shared.send('1+')
  const hello = JSON.stringify({ type: 'hello', protocol: 1, client: 'test', token })
  shared.send(formatShared({ kind: 'frame', client: 1, frame: hello }))
  await greeted
  const waiting = fetch(urlOf(port, '/v1/entities/counter/a?minVersion=99'), { headers: bearer(token) })
  const endOf = async (events: EventStream) => {
    while ((await events.next()) !== undefined);
  }
  return {
    client,
    /** When all of it has ended. */
    async ended() {
      const [{ code }, shut] = await Promise.all([client.closed, sharedEnd, endOf(stream), endOf(ticketed)])
      shared.terminate()
      expect([code, shut.slice(0, 6), client.frames.filter(({ type }) => type === 'result')]).toEqual([
        CLOSE.unauthorized,
        `1-${CLOSE.unauthorized}`,
        [],
      ])
    },
    async refused() {
      expect((await waiting).status).toBe(401)
    },
  }
}

describe('a revocation', () => {
  beforeEach(async () => {
    await fetch(urlOf(server.port, '/v1/entities/counter/a/add'), {
      method: 'POST',
      headers: { ...bearer(await signed({ sub: 'op' })), 'content-type': 'application/json' },
      body: '{"n":1}',
    })
  })

  it.each<[string, string, () => Promise<string>, () => Promise<unknown>]>([
    [
      'of a subject',
      'ann',
      () => signed({ sub: 'ann', tidegate: {} }),
      () => revoke(bus.access(), { kind: 'sub', subject: 'ann' }, Date.now()),
    ],
    [
      'of a token',
      'bob',
      () => signed({ sub: 'bob', jti: 'of-bob', tidegate: {} }),
      () => revoke(bus.access(), { kind: 'jti', id: 'of-bob' }, Date.now()),
    ],
    [
      'of an API key',
      'key:robot',
      async () => (await addKey(bus.access(), { name: 'robot', allow: {}, isBeside: false }, Date.now())).text,
      () => revokeKeys(bus.access(), 'robot', Date.now()),
    ],
  ])(
    'ACC-DOOR-4 ACC-DOOR-7 PRES-WHO-1 %s ends sockets, their clients, streams, what waits and presence, at every gateway',
    async (_, subject, tokenOf, revoking) => {
      const token = await tokenOf()
      const ports = [server.port, far.port]
      for (const port of ports) await expect.poll(() => statusOf(port, token)).toBe(200)
      const watcher = await RawClient.greeted(server.port, { token: await signed({ sub: 'op' }) })
      watcher.send({ type: 'subscribe', sub: 1, topic: 'room.presence', keys: [subject], snapshot: true })
      const opened = await Promise.all(ports.map((port) => open(port, token)))
      const seen = () =>
        watcher.frames
          .filter(({ type }) => type === 'batch')
          .flatMap(({ parts }) => parts as { events: { data: { connections: number } }[] }[])
          .flatMap(({ events }) => events.map(({ data }) => data.connections))
      await expect.poll(() => Math.max(...seen())).toBe(6)
      await revoking()
      const began = performance.now()
      await Promise.all(opened.map(({ ended }) => ended()))
      expect(performance.now() - began).toBeLessThan(WITHIN_MS)
      for (const port of ports) expect(await statusOf(port, token)).toBe(401)
      await expect.poll(() => seen().at(-1)).toBe(0)
      watcher.close()
      await Promise.all(opened.map(({ refused }) => refused()))
    },
    30_000,
  )

  it('ACC-REVOKE-4 reaches a gateway that is cut off from Redis once it is back, and one that starts later at once', async () => {
    const token = await signed({ sub: 'cut', tidegate: {} })
    const [near, beyond] = [await open(server.port, token), await open(far.port, token)]
    line.hold()
    await revoke(bus.access(), { kind: 'sub', subject: 'cut' }, Date.now())
    await near.ended()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    // It cannot know.
    beyond.client.send({ type: 'query', id: 2, name: 'topics' })
    await beyond.client.next('result')
    const late = await start(server.redis.url, 'gw-late')
    later.push(late)
    expect(await statusOf(late.port, token)).toBe(401)
    line.release()
    const began = performance.now()
    await beyond.ended()
    expect(performance.now() - began).toBeLessThan(WITHIN_MS)
    expect(await statusOf(far.port, token)).toBe(401)
    await Promise.all([near, beyond].map(({ refused }) => refused().catch(() => {})))
  }, 30_000)
})
