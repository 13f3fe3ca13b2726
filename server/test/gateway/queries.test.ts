import { createClient } from '@tidegate/client/node'
import type { DeliveredEvent } from '@tidegate/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineConfig, topic } from '../../src/index.ts'
import { currentKey } from '../support/bus.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const note = topic('note', { schema: z.object({ id: z.string(), n: z.number(), text: z.string() }), key: 'id' })
const total = note.window('note.total', { tumbling: '1h', aggregate: { events: 'count' } })
const { contract } = defineConfig({ topics: [note, total] })

const server = await useGateway(contract)
const redis = await useConnection(server.redis.url)

async function get(path: string) {
  const response = await fetch(server.url + path)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const openBreakers = async () => {
  const { breakers } = (await get('/readyz')).body as { breakers: { class: string; state: string }[] }
  return breakers.filter(({ state }) => state !== 'closed').map((breaker) => breaker.class)
}

/** Values of every kind that stand where none of them fits, or almost. */
const GARBAGE: readonly string[] = [
  '',
  'garbage',
  '-1',
  '1.5',
  '1e400',
  'NaN',
  '99999999999999999999999999',
  '0@x/1-1.0',
  '9999@x/1-1.0',
  '0@x/1-99999999999999999999.0',
  '0@x/9999999999999999-18446744073709551616.0',
  '0.99999999999999999999',
  '9.0',
  '+',
  '(',
  '\u0000',
  'x'.repeat(1_000),
  '[object Object]',
  '__proto__',
]
const VALUES: readonly unknown[] = [
  ...GARBAGE,
  null,
  true,
  [],
  [[[]]],
  {},
  { toString: 1 },
  { valueOf: 1, toString: 1 },
  -1,
  1.5,
  1e300,
  Number.MAX_SAFE_INTEGER,
]

describe('parameters', () => {
  it('Q-PARAM-1 Q-GAP-4 garbage over HTTP is refused with a code, and no breaker knows of it', async () => {
    const requests = ['after', 'partition', 'limit', 'topic', 'key', 'from', 'to'].flatMap((name) =>
      GARBAGE.flatMap((value) => {
        const text = `${name}=${encodeURIComponent(value)}`
        return [`/v1/history?${name === 'topic' ? '' : 'topic=note&'}${text}`, `/v1/history?topic=note&${text}&${text}`]
      }),
    )
    const others = GARBAGE.flatMap((value) => [
      `/v1/windows/note.total?after=${encodeURIComponent(value)}`,
      `/v1/slow?n=${encodeURIComponent(value)}`,
      `/v1/windows/note.total?key=a&key=${encodeURIComponent(value)}`,
    ])
    for (const path of [...requests, ...others]) {
      const { status, body } = await get(path)
      expect([path, status]).toEqual([path, expect.toSatisfy((code: number) => code < 500)])
      if (status !== 200) expect((body.error as { code: string }).code).toMatch(/^(invalid_|unknown_topic|not_found)/)
    }
    expect(await openBreakers()).toEqual([])
    expect((await get('/v1/history?topic=note')).status).toBe(200)
    expect(server.defects).toEqual([])
  })

  it('Q-PARAM-1 garbage in query frames is answered on each, and the connection stays', async () => {
    const client = await RawClient.greeted(server.port)
    const good = { topic: 'note', lane: 'low', upTo: '0@x/1-1.0' }
    let id = 0
    const ask = (name: string, params: object) => client.send({ type: 'query', id: ++id, name, params })
    for (const value of VALUES) {
      for (const name of ['after', 'partition', 'limit', 'topic', 'key', 'from', 'to'])
        ask('history', { topic: 'note', [name]: value })
      for (const name of ['name', 'key', 'after']) ask('window', { name: 'note.total', [name]: value })
      for (const name of ['topic', 'lane', 'after', 'upTo', 'keys', 'where', 'limit']) {
        ask('gap', { ...good, [name]: value })
      }
      ask('ledger', { sub: value })
      ask('topics', { any: value })
      ask(`${JSON.stringify(value)}`.slice(0, 60), {})
    }
    await expect.poll(() => new Set(client.frames.map((frame) => frame.id)).size, { timeout: 5_000 }).toBe(id)
    expect(client.frames.filter(({ code }) => code === 'internal' || code === 'unavailable')).toEqual([])
    expect(await openBreakers()).toEqual([])
    expect(server.defects).toEqual([])
    client.close()
  })

  it('Q-PARAM-1 garbage in from of subscriptions and streams is refused, and the others are served', async () => {
    const client = await RawClient.greeted(server.port)
    const froms = [
      ...VALUES,
      ...VALUES.map((time) => ({ time })),
      ...VALUES.map((positions) => ({ positions })),
      ...VALUES.map((list) => ({ positions: { note: list } })),
      ...VALUES.map((list) => ({ positions: { note: { low: list } } })),
      ...VALUES.map((at) => ({ positions: { note: { low: [at] } } })),
      { positions: { note: { low: Array.from({ length: 10_000 }, () => '0@x/1-1.0') } } },
    ]
    for (const [i, from] of froms.entries()) {
      client.send({ type: 'subscribe', sub: i + 1, topic: 'note', from })
      client.send({ type: 'unsubscribe', sub: i + 1 })
    }
    client.send({ type: 'subscribe', sub: 9_999, topic: 'note', from: 'earliest' })
    await expect
      .poll(() => client.frames.some((frame) => frame.type === 'subscribed' && frame.sub === 9_999), { timeout: 5_000 })
      .toBe(true)
    expect(client.frames.filter(({ code }) => code === 'internal' || code === 'unavailable')).toEqual([])
    // Of some options these are values.
    for (const value of GARBAGE.filter((text) => !['', '1.5', '9.0'].includes(text))) {
      for (const name of ['from', 'maxRate', 'maxMs', 'maxEvents', 'snapshot', 'lanes', 'onSlow', 'filter']) {
        const { status } = await fetch(`${server.url}/v1/stream?topic=note&${name}=${encodeURIComponent(value)}`)
        expect([name, value, status]).toEqual([name, value, 400])
      }
    }
    expect((await fetch(`${server.url}/v1/stream?topic=note&topic=note`)).status).toBe(400)
    expect(await openBreakers()).toEqual([])
    expect(server.defects).toEqual([])
    client.close()
  })
})

describe('large answers', () => {
  const EVENTS = 300
  const LARGE = 'x'.repeat(60_000)

  beforeAll(async () => {
    const client = createClient({ url: server.url })
    for (let first = 0; first < EVENTS; first += 10) {
      const events = Array.from({ length: 10 }, (_, i) => ({ data: { id: 'large', n: first + i, text: LARGE } }))
      await client.publish('note', events)
    }
    await client.close({ deadlineMs: 1_000 })
  })

  it('Q-SIZE-1 history comes in pages of at most 256 KiB and an event, which together are the log', async () => {
    const { body } = await get('/v1/topics')
    expect(body.partitions).toBe(4)
    const found: number[] = []
    for (let partition = 0; partition < 4; partition++) {
      let after = ''
      for (;;) {
        const text = await (
          await fetch(`${server.url}/v1/history?topic=note&partition=${partition}&limit=1000${after}`)
        ).text()
        expect(text.length).toBeLessThan(262_144 + 65_536)
        const page = JSON.parse(text) as { events: DeliveredEvent<{ n: number }>[]; next?: string }
        found.push(...page.events.map(({ data }) => data.n))
        if (page.next === undefined) break
        after = `&after=${page.next}`
      }
    }
    expect(found).toEqual(Array.from({ length: EVENTS }, (_, i) => i))
  })

  it('Q-SIZE-1 Q-TURN-1 a hundred who ask for all of it at once are answered, and the breaker stays closed', async () => {
    const asked = Array.from({ length: 100 }, (_, i) => fetch(`${server.url}/v1/history?topic=note&partition=${i % 4}`))
    const answers = await Promise.all(asked)
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200))
    await Promise.all(answers.map((answer) => answer.arrayBuffer()))
    expect(await openBreakers()).toEqual([])
  })

  it('Q-SIZE-1 C-QUERY-2 latest results come in pages, which together are every key once', async () => {
    const count = 2_000
    for (let i = 0; i < count; i++) {
      const event = { id: `e-${i}`, key: `k-${i}`, time: 1, data: { key: `k-${i}`, value: { text: 'y'.repeat(500) } } }
      await redis.hset(currentKey(i % 4, 'note.total'), `k-${i}`, `1-0.0 ${JSON.stringify(event)}`)
    }
    const client = createClient({ url: server.url })
    const found: string[] = []
    let pages = 0
    for (let after: string | undefined; ; pages++) {
      const { data, next } = await client.queryPage('window', { name: 'note.total', after })
      found.push(...(data as { key: string }[]).map(({ key }) => key))
      if (next === undefined) break
      after = next
    }
    expect(pages).toBeGreaterThan(3)
    expect(found.length).toBe(count)
    expect(new Set(found).size).toBe(count)
    await client.close({ deadlineMs: 0 })
  })
})
