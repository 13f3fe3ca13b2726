import { createClient, type TidegateClient } from '@tidegate/client/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import { defineConfig, type Presence, topic } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { ISSUED, SECRET, signed } from '../support/access-tokens.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { EventStream } from '../support/event-stream.ts'
import { useGateway } from '../support/use-gateway.ts'

const message = topic('room.message', {
  schema: z.object({ room: z.string(), text: z.string() }),
  key: 'room',
  presence: true,
})
const quiet = topic('room.quiet', { schema: z.object({ room: z.string() }), key: 'room' })
const access = { rules: [{ caller: 'anonymous', allow: { subscribe: ['room.message'] } } as const] }
const config = defineConfig({ topics: [message, quiet], access })
const { contract } = config
type Config = typeof config

const GRANTED = { subscribe: ['room.>'] }
const asked = {
  anonymous: 'rules',
  secret: SECRET,
  issuer: ISSUED.iss,
  audience: ISSUED.aud,
  toleranceSeconds: 0,
  rightsClaim: 'tidegate',
} as const
const server = await useGateway(contract, { access: asked })
let worker: RunningWorker
let clients: TidegateClient<Config>[] = []
const gateways: RunningGateway[] = []

const startAWorker = () =>
  startWorker({ redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }, contract)
beforeAll(async () => {
  worker = await startAWorker()
})
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close({ deadlineMs: 0 })))
  clients = []
})
afterAll(async () => {
  await worker.close({ deadlineMs: 2_000 })
  await Promise.all(gateways.map((gateway) => gateway.close({ deadlineMs: 0 })))
})

/** Another gateway on the same Redis. */
async function startAnother(): Promise<RunningGateway> {
  const settings = {
    ...{ redisUrl: server.redis.url, partitions: 4, host: '127.0.0.1', port: 0, sharedPort: false, node: 'gw-2' },
    ...{ delivery: DELIVERY_LIMITS, access: asked, maxLagMs: 10_000, onDefect: () => {} },
  }
  const gateway = await startGateway(settings, contract)
  gateways.push(gateway)
  return gateway
}

async function open(sub: string | undefined, port = server.port, tidegate: object = GRANTED) {
  const token = sub === undefined ? undefined : await signed({ sub, tidegate })
  const client = createClient<Config>({ url: `http://127.0.0.1:${port}`, ...(token !== undefined && { token }) })
  clients.push(client)
  return client
}

const join = async (client: TidegateClient<Config>, options: object = {}) => {
  const subscription = client.subscribe('room.message', options, () => {})
  await subscription.ready
  return subscription
}

/** What somebody sees who watches: entries, and every event. */
async function watch(sub = 'watcher', tidegate: object = GRANTED) {
  const entries = new Map<string, Presence>()
  const events: [string, number][] = []
  const client = await open(sub, server.port, tidegate)
  const subscription = client.subscribe('room.message.presence', { snapshot: true }, ({ key, data, snapshot }) => {
    if (!snapshot) events.push([key, data.connections])
    if (data.connections === 0) entries.delete(key)
    else entries.set(key, data)
  })
  await subscription.synced
  const shown = () => Object.fromEntries([...entries].map(([key, { connections }]) => [key, connections]))
  return { entries, events, shown }
}

/** The same, once those of the test before have left. */
async function watchEmpty() {
  const watched = await watch()
  await expect.poll(watched.shown).toEqual({})
  return watched
}

describe('presence', () => {
  it('PRES-WHO-1 PRES-WHO-3 PRES-SEE-1 PRES-DEAD-2 who is at which gateway is one entry, seen from anywhere, also by those who come late', async () => {
    const early = await watch()
    const second = await startAnother()
    const [ada, elsewhere, bob] = [await open('ada'), await open('ada', second.port), await open('bob', second.port)]
    await join(ada)
    await expect.poll(early.shown).toEqual({ ada: 1 })
    const { joinedAt } = early.entries.get('ada')!
    expect(Math.abs(Date.now() - joinedAt)).toBeLessThan(60_000)
    await join(elsewhere)
    await join(bob)
    await expect.poll(early.shown).toEqual({ ada: 2, bob: 1 })
    expect(early.entries.get('ada')).toEqual({ connections: 2, joinedAt })

    const late = await watch('late')
    expect(late.shown()).toEqual({ ada: 2, bob: 1 })
    expect(late.events).toEqual([])
    // Only who may subscribe to it, of keys that its rights allow.
    const own = await watch('bob', { subscribe: ['room.message', 'room.message.presence:$sub'] })
    expect(own.shown()).toEqual({ bob: 1 })
    const stranger = await open('stranger', server.port, { subscribe: ['room.message'] })
    const refused = stranger.subscribe('room.message.presence', {}, () => {})
    await expect(refused.ready).rejects.toMatchObject({ code: 'unknown_topic' })

    const before = performance.now()
    await second.close({ deadlineMs: 0 })
    await expect.poll(late.shown).toEqual({ ada: 1 })
    expect(late.entries.get('ada')).toEqual({ connections: 1, joinedAt })
    expect(performance.now() - before).toBeLessThan(1_500)
    await ada.close({ deadlineMs: 0 })
    await expect.poll(early.shown).toEqual({})
    expect(late.events.filter(([key]) => key === 'ada')).toEqual([
      ['ada', 1],
      ['ada', 0],
    ])
    expect(own.events).toEqual([['bob', 0]])
    expect(server.defects).toEqual([])
  })

  it('PRES-STATE-1 clients say what they do, and may say something else', async () => {
    const { entries } = await watchEmpty()
    const ada = await open('ada')
    const stateOf = () => entries.get('ada')?.state
    const subscription = await join(ada, { state: { typing: true } })
    await expect.poll(stateOf).toEqual({ typing: true })
    await subscription.change({ state: 'away \n"é"' })
    await expect.poll(stateOf).toBe('away \n"é"')
    await subscription.change({ state: undefined })
    await expect.poll(() => entries.get('ada')).not.toHaveProperty('state')
    expect(entries.get('ada')).toMatchObject({ connections: 1 })
    await expect(subscription.change({ state: 'x'.repeat(1_023) })).rejects.toMatchObject({ code: 'invalid_frame' })
    await expect(ada.subscribe('room.quiet', { state: 1 }).ready).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('PRES-WHO-1 PRES-WHO-2 anonymous connections and event streams are present, wherever a selector covers the topic', async () => {
    const { shown, entries } = await watchEmpty()
    const [one, two] = [await open(undefined), await open(undefined)]
    await Promise.all([join(one), join(two)])
    const stream = await EventStream.open(`${server.url}/v1/stream?topic=room.%3E`, {
      authorization: `Bearer ${await signed({ sub: 'eve', tidegate: GRANTED })}`,
    })
    await expect.poll(() => Object.keys(shown()).length).toBe(3)
    expect(shown()).toMatchObject({ eve: 1 })
    expect([...entries.keys()].filter((key) => /^anonymous:[0-9a-f]+-[0-9a-z]+$/.test(key))).toHaveLength(2)
    stream.close()
    await Promise.all([one, two].map((client) => client.close({ deadlineMs: 0 })))
    await expect.poll(shown).toEqual({})
  })

  it('PRES-EXACT-1 PRES-OUTAGE-1 an owner that takes over continues: nobody leaves and joins for it', async () => {
    const { shown, events } = await watchEmpty()
    await join(await open('ada'))
    await expect.poll(shown).toEqual({ ada: 1 })
    await worker.close({ deadlineMs: 2_000 })
    await join(await open('bob'))
    worker = await startAWorker()
    await expect.poll(shown).toEqual({ ada: 1, bob: 1 })
    expect(events.filter(([key, connections]) => key === 'ada' && connections === 0)).toEqual([])
  })
})
