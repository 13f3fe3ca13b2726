import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { defineConfig, entity, topic } from '../../src/index.ts'
import { QUERY_NAMES } from '../../src/queries/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { ISSUED, publicKey, SECRET, signed } from '../support/access-tokens.ts'
import { EventStream } from '../support/event-stream.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

/** Stands in every field that is hidden, and nowhere else. */
const MARKER = 'hush-5b21e0'

const profile = topic('user.profile', {
  schema: z.object({
    id: z.string(),
    name: z.string(),
    email: z.string().default(MARKER).optional(),
    addresses: z.array(z.object({ street: z.string(), city: z.string() })).optional(),
  }),
  key: 'id',
})
const named = profile.filter(({ name }) => name !== '').to('user.named', { version: 1 })
const seen = profile.window('user.seen', {
  tumbling: '1h',
  emit: { every: '1s' },
  aggregate: { name: { last: 'name' } },
})
const account = entity('account', {
  key: 'id',
  version: 1,
  state: { initial: { email: '' as string, plan: '' as string } },
  events: { opened: z.object({ email: z.string(), plan: z.string() }) },
  evolve: { opened: (_, { email, plan }) => ({ email, plan }) },
  commands: {
    open: {
      input: z.object({ email: z.string(), plan: z.string() }),
      decide: (_, { email, plan }) => [{ type: 'opened', data: { email, plan } }],
    },
  },
  indexes: { email: ({ email }) => email, plan: ({ plan }) => plan },
  publish: ['state', 'events'],
})
const { contract } = defineConfig({
  topics: [profile, named, seen],
  entities: [account],
  access: {
    rules: [
      { when: { role: 'writer' }, allow: { publish: ['>'], subscribe: ['>'], query: ['>'], command: ['>'] } },
      {
        when: { role: 'support' },
        allow: {
          ...{ subscribe: ['>'], query: ['>'], command: ['>'] },
          hide: { 'user.profile': ['email', 'addresses.street'], 'user.seen': ['value.name'], account: ['email'] },
        },
      },
      {
        when: { role: 'auditor' },
        allow: { query: ['account'], hide: { account: ['email'], 'account.events': ['data.email'] } },
      },
      { when: { role: 'owner' }, allow: { subscribe: ['user.profile:$sub'], query: ['user.profile:$sub'] } },
    ],
  },
})

const server = await useGateway(contract, {
  access: {
    anonymous: 'rules',
    secret: SECRET,
    publicKey,
    issuer: ISSUED.iss,
    audience: ISSUED.aud,
    toleranceSeconds: 0,
    rightsClaim: 'tidegate',
  },
})
const tokenOf = (role: string | string[], sub = 'sam') => signed({ sub, role, tidegate: {} })
const profileOf = (id: string) => ({
  ...{ id, name: `shown-${id}`, email: MARKER },
  addresses: [{ street: MARKER, city: 'Ulm' }],
})
let worker: RunningWorker
let support: string
let writer: string

beforeAll(async () => {
  worker = await startWorker({ redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }, contract)
  support = await tokenOf('support')
  writer = await tokenOf('writer')
  await publish('u-1', 'u-2')
  for (const id of ['a-1', 'a-2'])
    await call('POST', `/v1/entities/account/${id}/open`, writer, { email: MARKER, plan: 'free' })
  await vi.waitFor(
    async () => expect((await call('GET', '/v1/windows/user.seen', writer)).body.results).toHaveLength(2),
    { timeout: 20_000 },
  )
}, 60_000)
afterAll(() => worker?.close({ deadlineMs: 2_000 }))

async function publish(...ids: string[]) {
  const { body } = await call(
    'POST',
    '/v1/events',
    writer,
    ids.map((id) => ({ topic: 'user.profile', data: profileOf(id) })),
  )
  expect(body).toMatchObject({ accepted: ids.length })
  return body.at as string[]
}

async function call(method: string, path: string, token: string, body?: unknown) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(server.url + path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, body: JSON.parse(text) }
}

interface Part {
  readonly sub: number
  readonly topic: string
  readonly snapshot?: string
  readonly events: readonly { readonly at: string; readonly key: string; readonly data: Record<string, unknown> }[]
}
const partsOf = ({ frames }: RawClient) =>
  frames.filter(({ type }) => type === 'batch').flatMap((frame) => frame.parts as Part[])

/** Every query, and what is in its answer all the same. */
const QUERIES: Record<
  (typeof QUERY_NAMES)[number],
  { readonly params: () => object | Promise<object>; readonly shown: string }
> = {
  topics: { params: () => ({}), shown: 'user.profile' },
  window: { params: () => ({ name: 'user.seen' }), shown: '"key":"u-1"' },
  history: { params: () => historyOf('user.profile', 'u-1'), shown: 'shown-u-1' },
  gap: {
    params: async () => ({ topic: 'user.profile', lane: 'normal', upTo: (await publish('u-2'))[0] }),
    shown: 'shown-u-2',
  },
  entity: { params: () => ({ name: 'account', key: 'a-1' }), shown: '"plan":"free"' },
  entityHistory: { params: () => ({ name: 'account', key: 'a-1' }), shown: '"type":"opened"' },
  findEntities: { params: () => ({ name: 'account', index: 'email', value: MARKER }), shown: 'has no index email' },
}

async function historyOf(topicName: string, key: string) {
  for (let partition = 0; partition < 4; partition++) {
    const { text } = await call('GET', `/v1/history?topic=${topicName}&partition=${partition}`, writer)
    if (text.includes(`shown-${key}`)) return { topic: topicName, partition }
  }
  throw new Error(`no ${key} in ${topicName}`)
}

describe('fields that are hidden from a role', () => {
  it('ACC-VIEW-2 no query shows them, and each shows the rest', async () => {
    expect(Object.keys(QUERIES).sort()).toEqual([...QUERY_NAMES].sort())
    const client = await RawClient.greeted(server.port, { token: support })
    let id = 0
    for (const [name, { params, shown }] of Object.entries(QUERIES)) {
      client.send({ type: 'query', id: ++id, name, params: await params() })
      const { type, ...answer } = await client.next(name === 'findEntities' ? 'error' : 'result')
      const text = JSON.stringify(answer)
      expect([name, text]).toEqual([name, expect.stringContaining(shown)])
      expect([name, text.includes(MARKER), text.includes('"email"'), text.includes('street')]).toEqual([
        name,
        false,
        false,
        false,
      ])
    }
    client.close()
  })

  it('ACC-VIEW-2 no route shows them', async () => {
    const { partition } = await historyOf('user.profile', 'u-1')
    const paths = [
      ...['/v1/topics', `/v1/history?topic=user.profile&partition=${partition}`],
      ...[
        `/v1/history?topic=user.named&partition=${partition}`,
        '/v1/windows/user.seen',
        '/v1/windows/user.seen?key=u-1',
      ],
      ...['/v1/entities/account/a-1', '/v1/entities/account/a-1?version=1', '/v1/entities/account/a-1/history'],
      ...['/v1/entities/account?plan=free', `/v1/entities/account?email=${MARKER}`],
    ]
    for (const path of paths) {
      const { text } = await call('GET', path, support)
      // An index that is not there is named in the refusal as it was asked for.
      const isAsked = path.includes(MARKER)
      expect([path, text.includes(MARKER), !isAsked && text.includes('"email"')]).toEqual([path, false, false])
    }
    // Whoever sends commands knows what they take.
    const [described] = (await call('GET', '/v1/entities', support)).body.entities
    expect(described).toMatchObject({ events: { opened: {} }, indexes: [] })
    expect(JSON.stringify(described.events)).not.toContain('email')
    const windows = (await call('GET', '/v1/windows/user.seen', support)).body.results
    expect(windows[0].data).toMatchObject({ value: {} })
  })

  it('ACC-VIEW-2 nothing shows them that is delivered: live, from the log, as a snapshot, thinned, in streams', async () => {
    const client = await RawClient.greeted(server.port, { token: support })
    const subscribe = (sub: number, frame: object) => client.send({ type: 'subscribe', sub, ...frame })
    subscribe(1, { topic: '>', from: 'earliest' })
    subscribe(2, { topic: 'user.profile' })
    subscribe(3, { topic: 'user.profile', onSlow: 'conflate', maxRate: 100 })
    subscribe(4, { topic: 'account.state', snapshot: true })
    subscribe(5, { topic: 'user.seen', snapshot: true })
    subscribe(6, { topic: 'user.profile', keys: ['u-3'], where: 'data.name == "shown-u-3"' })
    for (let i = 0; i < 6; i++) await client.next('subscribed')
    await publish('u-3')
    const eventsOf = (sub: number, name: string) =>
      partsOf(client)
        .filter((part) => part.sub === sub && part.topic === name)
        .flatMap(({ events }) => events)
    for (const [sub, name] of [
      ...[
        [1, 'user.profile'],
        [1, 'user.named'],
        [1, 'account.state'],
        [1, 'account.events'],
        [2, 'user.profile'],
      ],
      ...[
        [3, 'user.profile'],
        [4, 'account.state'],
        [5, 'user.seen'],
        [6, 'user.profile'],
      ],
    ] as const) {
      await expect
        .poll(() => [sub, name, eventsOf(sub, name).length > 0], { timeout: 10_000 })
        .toEqual([sub, name, true])
    }
    expect(eventsOf(2, 'user.profile')[0]).toMatchObject({
      key: 'u-3',
      data: { id: 'u-3', addresses: [{ city: 'Ulm' }] },
    })
    expect(eventsOf(1, 'account.events')[0]!.data).toEqual({
      type: 'opened',
      version: 1,
      commandId: expect.any(String),
    })
    const { at } = eventsOf(2, 'user.profile')[0]!
    client.close()

    const stream = await EventStream.open(`${server.url}/v1/stream?topic=user.profile&from=earliest`, {
      authorization: `Bearer ${support}`,
    })
    const batch = await stream.nextOf('batch')
    stream.close()
    const resumed = await RawClient.greeted(server.port, { token: support })
    resumed.send({
      type: 'subscribe',
      sub: 1,
      topic: 'user.profile',
      from: { positions: { 'user.profile': { normal: [at] } } },
    })
    await expect.poll(() => partsOf(resumed).length).toBeGreaterThan(0)
    resumed.close()
    const everything = JSON.stringify([client.frames, batch.data, resumed.frames])
    expect(everything).toContain('shown-u-3')
    for (const hidden of [MARKER, '"email"', 'street']) expect(everything).not.toContain(hidden)
  })

  it('ACC-VIEW-2 answers to commands show no more of the events than their topic does', async () => {
    const client = await RawClient.greeted(server.port, { token: support })
    const input = { email: MARKER, plan: 'paid' }
    client.send({ type: 'command', id: 'v-1', entity: 'account', key: 'a-3', command: 'open', input })
    const answer = await client.next('answer')
    expect(answer).toMatchObject({ status: 'done', version: 1, events: [{ type: 'opened' }] })
    const asked = await call('GET', '/v1/commands/account/a-3/v-1', support)
    expect(asked.body).toMatchObject({ status: 'done' })
    expect(JSON.stringify([answer, asked.text])).not.toContain(MARKER)
    client.close()
  })

  it('ACC-VIEW-3 events of an entity show what the rule leaves of them', async () => {
    const { body, text } = await call('GET', '/v1/entities/account/a-1/history', await tokenOf('auditor'))
    expect(body.events).toMatchObject([{ type: 'opened', data: { plan: 'free' } }])
    expect(text).not.toContain(MARKER)
  })

  it('ACC-VIEW-4 a filter or an index over them is one over nothing', async () => {
    const client = await RawClient.greeted(server.port, { token: support })
    const refusal = { code: 'invalid_filter', message: 'where: there is no field data.email to filter by' }
    const where = `data.name != "x" && !(data.email == "${MARKER}")`
    client.send({ type: 'subscribe', sub: 1, topic: 'user.*', where })
    expect(await client.next('error')).toMatchObject({ sub: 1, ...refusal })
    client.send({ type: 'subscribe', sub: 2, topic: 'user.profile', where: 'has(data.addresses)' })
    await client.next('subscribed')
    client.send({ type: 'subscribe', sub: 2, topic: 'user.profile', where })
    expect(await client.next('error')).toMatchObject({ sub: 2, ...refusal })
    const [upTo] = await publish('u-1')
    client.send({ type: 'query', id: 1, name: 'gap', params: { topic: 'user.profile', lane: 'normal', upTo, where } })
    expect(await client.next('error')).toMatchObject({ id: 1, ...refusal })
    client.close()
    const stream = await call('GET', `/v1/stream?topic=user.profile&filter=${encodeURIComponent(where)}`, support)
    expect(stream.body.error).toMatchObject(refusal)
    const found = await call('GET', '/v1/entities/account?plan=free', support)
    expect(found.body.error).toMatchObject({ message: 'index: account has no index plan; its indexes: none' })
  })

  it('ACC-VIEW-1 who has other grants sees what any of them shows, of the keys that those are about', async () => {
    const both = await tokenOf(['support', 'owner'], 'u-1')
    const client = await RawClient.greeted(server.port, { token: both })
    client.send({ type: 'subscribe', sub: 1, topic: 'user.profile', from: 'earliest' })
    const all = () => partsOf(client).flatMap(({ events }) => events)
    await expect.poll(() => new Set(all().map(({ key }) => key)).size).toBe(3)
    for (const { key, data } of all()) expect([key, 'email' in data]).toEqual([key, key === 'u-1'])
    client.send({ type: 'subscribe', sub: 2, topic: 'user.profile', keys: ['u-1'], where: `data.email == "${MARKER}"` })
    client.send({ type: 'subscribe', sub: 3, topic: 'user.profile', where: `data.email == "${MARKER}"` })
    expect(await client.next('error')).toMatchObject({ sub: 3, code: 'invalid_filter' })
    client.close()
  })

  it('ACC-VIEW-1 a token hides too, and other rights that show more end a subscription', async () => {
    const grants = { subscribe: ['user.*'] }
    const token = await signed({
      sub: 'kim',
      tidegate: { ...grants, hide: { 'user.profile': ['email', 'addresses'] } },
    })
    const client = await RawClient.greeted(server.port, { token })
    client.send({ type: 'subscribe', sub: 1, topic: 'user.profile', from: 'earliest' })
    await expect.poll(() => partsOf(client).length).toBeGreaterThan(0)
    expect(JSON.stringify(client.frames)).not.toContain(MARKER)
    client.send({
      type: 'token',
      token: await signed({ sub: 'kim', tidegate: { ...grants, hide: { 'user.profile': ['email'] } } }),
    })
    expect(await client.next('unsubscribed')).toMatchObject({ sub: 1, code: 'rights_changed' })
    client.close()
  })
})
