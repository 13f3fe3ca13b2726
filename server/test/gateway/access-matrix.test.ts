import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { CLOSE } from '@tidegate/protocol'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { revoke } from '../../src/access/index.ts'
import { FRAME_TYPES } from '../../src/gateway/client-frame.ts'
import { ROUTES as SERVED } from '../../src/gateway/http/route-table.ts'
import type { AuditEvent } from '../../src/observability/audit.ts'
import { QUERY_NAMES } from '../../src/queries/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { BAD, ISSUED, OWN, publicKey, SECRET, signed } from '../support/access-tokens.ts'
import { openTestBus } from '../support/bus.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { contract } from './access-contract.ts'
import { FRAMES, OPERATOR_PATHS, QUERIES, ROUTES } from './access-rows.ts'

const noted: AuditEvent[] = []
let server: TestGateway
let worker: RunningWorker
let right: string
let admin: string
let other: string

beforeAll(async () => {
  server = await startTestGateway(contract, {
    audit: { note: (event) => void noted.push(event) },
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
  worker = await startWorker({ redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }, contract)
  right = await signed({})
  admin = await signed({
    sub: 'op',
    tidegate: { publish: ['>'], subscribe: ['>'], query: ['>'], command: ['>'], admin: true },
  })
  other = await signed({ sub: 'dev-2' })
  const bus = await openTestBus(server.redis.url, 4)
  await revoke(bus.access(), { kind: 'jti', id: 'revoked-1' }, Date.now())
  bus.close()
  // What the matrix asks about.
  const everything = await call('POST', '/v1/events', admin, [
    { topic: 'sensor.reading', data: { id: 'dev-1', n: 1 } },
    { topic: 'sensor.reading', data: { id: 'dev-2', n: 2 } },
    { topic: 'secret.reading', data: { id: 'dev-1', n: 3 } },
  ])
  expect([everything.status, everything.body]).toMatchObject([200, { accepted: 3 }])
  for (const key of ['dev-1', 'dev-2']) await call('POST', `/v1/entities/counter/${key}/add`, admin, { n: 7 })
  await vi.waitFor(
    async () => {
      const { body } = await call('GET', '/v1/windows/sensor.sum', admin)
      expect(body.results).toHaveLength(2)
    },
    { timeout: 20_000 },
  )
}, 60_000)
afterAll(async () => {
  await worker?.close({ deadlineMs: 2_000 })
  await server?.close()
})

/** The TypeScript files of some folders of the sources. */
function sourcesOf(...folders: string[]) {
  return folders.flatMap((folder) => {
    const root = new URL(`../../src/${folder}/`, import.meta.url)
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
    return names.map((name) => ({ name, text: readFileSync(new URL(name, root), 'utf8') }))
  })
}

async function call(method: string, path: string, token?: string, body?: unknown) {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, body: isJson ? JSON.parse(text) : { text } }
}

/** How a stream begins: it would last. */
async function stream(path: string, token: string) {
  const abort = new AbortController()
  const response = await fetch(server.url + path, {
    headers: { authorization: `Bearer ${token}` },
    signal: abort.signal,
  })
  abort.abort()
  return response.status
}

const upTo = async (topic: string, key: string) => {
  const { body } = await call('POST', '/v1/events', admin, [{ topic, data: { id: key, n: 0 } }])
  return { topic, lane: 'normal', upTo: body.at[0] as string }
}

async function refusedHello(token: string | undefined) {
  const client = await RawClient.connect(server.port)
  client.send({ type: 'hello', protocol: 1, client: 'test', ...(token !== undefined && { token }) })
  // What comes with it is not served.
  client.send(FRAMES.publish.frame)
  const { code } = await client.closed
  return [code, client.frames.map((frame) => frame.code)]
}

describe('access matrix', () => {
  it('ACC-DOOR-1 the matrix has a row for each route of the source', () => {
    // The files of the page are everybody's.
    const named = sourcesOf('gateway', 'ops').flatMap(({ name, text }) =>
      // Texts that are paths, but for the ends of others, and patterns of paths.
      name.endsWith('static-files.ts')
        ? []
        : [...text.matchAll(/(?<!endsWith\()'(\/[\w./-]+)'|const (\w+) = \/\^\\\//g)].map(
            ([, path, pattern]) => path ?? pattern!,
          ),
    )
    expect([...new Set(named)].sort()).toEqual(Object.keys(ROUTES).sort())
    // Whatever a route is called there.
    const asked = Object.entries(ROUTES).map(([name, { method = 'GET', path = name }]) => [method, path.split('?')[0]!])
    const isAsked = (method: string, path: string | RegExp) =>
      asked.some(([by, at]) => by === method && (path instanceof RegExp ? path.test(at!) : path === at))
    const served = SERVED.flatMap(({ methods, path }) => methods.map((method) => [method, path] as const))
    expect(served.filter(([method, path]) => method !== 'HEAD' && !isAsked(method, path))).toEqual([])
    const ofOperators = Object.keys(ROUTES).filter((name) => ROUTES[name]!.isAdmin)
    expect(ofOperators).toEqual(expect.arrayContaining([...OPERATOR_PATHS]))
  })

  it.each(Object.entries(BAD))('ACC-DOOR-1 %s: no route is open but those that tell nothing', async (_, tokenOf) => {
    const token = await tokenOf()
    for (const [name, { method = 'GET', path = name, body, isOpen }] of Object.entries(ROUTES)) {
      const { status, body: answer } = await call(method, path, token, body)
      // A busy machine may not be ready.
      expect([name, isOpen ? [200, 503] : [401]]).toEqual([name, expect.arrayContaining([status])])
      if (isOpen) expect(Object.keys(answer)).toHaveLength(1)
      else expect(answer.error.code).toBe('unauthorized')
    }
    expect(await refusedHello(token)).toEqual([CLOSE.unauthorized, ['unauthorized']])
    if (token === undefined) return
    const live = await RawClient.greeted(server.port, { token: right })
    live.send({ type: 'token', token })
    live.send(FRAMES.query.frame)
    expect((await live.closed).code).toBe(CLOSE.unauthorized)
  })

  it('ACC-DOOR-1 the right token opens every route, an operator those of operators', async () => {
    for (const [name, { method = 'GET', path = name, body, ok = 200, ...of }] of Object.entries(ROUTES)) {
      const ask = async (token: string) =>
        name === '/v1/stream' ? stream(path, token) : (await call(method, path, token, body)).status
      if (name === '/readyz') continue
      expect([name, await ask(right)]).toEqual([name, of.isAdmin || of.isOfAllKeys ? 403 : ok])
      expect([name, await ask(admin)]).toEqual([name, ok])
    }
    expect(Object.keys((await call('GET', '/readyz', right)).body)).toEqual(['ready'])
    expect(Object.keys((await call('GET', '/readyz', admin)).body).length).toBeGreaterThan(1)
  })

  it('ACC-DOOR-1 ACC-DOOR-2 wrong name, wrong key: each route has one answer, that of what is not there', async () => {
    for (const [name, { method = 'GET', path = name, body, otherName, otherKey }] of Object.entries(ROUTES)) {
      for (const other of [otherName, otherKey]) {
        if (other === 'names nothing') continue
        const { path: at = path, body: sent = body, status, answer } = other
        const given = answer === undefined ? { status: await stream(at, right) } : await call(method, at, right, sent)
        expect([at, given]).toMatchObject([at, { status, ...(answer !== undefined && { body: answer }) }])
      }
    }
  })

  it('G-HTTP-9 no cache keeps what one caller is answered', async () => {
    for (const token of [right, undefined]) {
      for (const [name, { method = 'GET', path = name, body }] of Object.entries(ROUTES)) {
        const abort = new AbortController()
        const headers = {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        }
        const { signal } = abort
        const asked = { method, headers, signal, ...(body !== undefined && { body: JSON.stringify(body) }) }
        const response = await fetch(server.url + path, asked)
        expect([name, response.headers.get('cache-control')]).toEqual([name, expect.stringMatching(/^no-store/)])
        abort.abort()
      }
    }
  })

  it('G-STATUS-4 rates are of topics of which the caller may read every key', async () => {
    const topicsOf = async (token: string) =>
      (await call('GET', '/v1/rates', token)).body.stored.topics.map(({ topic }: { topic: string }) => topic)
    await vi.waitFor(async () => expect(await topicsOf(admin)).toContain('secret.reading'), { timeout: 10_000 })
    expect(await topicsOf(admin)).toContain('sensor.reading')
    expect(await topicsOf(right)).not.toContain('secret.reading')
    // Of these it sees its own key alone.
    expect(await topicsOf(right)).not.toContain('sensor.reading')
    const everything = await signed({ tidegate: { subscribe: ['sensor.*'] } })
    expect(await topicsOf(everything)).toContain('sensor.reading')
    expect((await topicsOf(admin)).filter((topic: string) => topic.includes('~'))).toEqual([])
  })

  it('ACC-DOOR-1 the matrix has a row for each frame and each query that is read', () => {
    expect(Object.keys(FRAMES).sort()).toEqual([...FRAME_TYPES].sort())
    // Queries that a connection answers by itself are not among those of `answerQuery`.
    const own = sourcesOf('gateway').flatMap(({ text }) =>
      [...text.matchAll(/frame\.name === '(\w+)'/g)].map(([, name]) => name!),
    )
    expect(Object.keys(QUERIES).sort()).toEqual([...QUERY_NAMES, ...own].sort())
  })

  it.each(Object.entries(FRAMES))(
    'ACC-DOOR-1 frame %s: nothing before a token, its answer with the right one',
    async (_, { frame, answer }) => {
      const early = await RawClient.connect(server.port)
      early.send(frame)
      expect([CLOSE.helloExpected, CLOSE.unauthorized]).toContain((await early.closed).code)
      const client = await RawClient.greeted(server.port, { token: right })
      client.send(frame)
      if ('type' in answer) expect(await client.next((answer as { type: string }).type)).toMatchObject(answer)
      client.close()
    },
  )

  it('ACC-DOOR-1 every query is answered by the rights of who asks', async () => {
    const client = await RawClient.greeted(server.port, { token: right })
    let id = 0
    for (const [name, rows] of Object.entries(QUERIES)) {
      for (const { params, answer } of rows) {
        client.send({ type: 'query', id: ++id, name, params: await params(upTo) })
        const found = await client.next('code' in answer ? 'error' : 'result')
        expect([name, found]).toMatchObject([name, { id, ...answer }])
      }
    }
    // Another key of the same partition is left out of a history, too.
    const events: { key: string }[] = []
    for (let partition = 0; partition < 4; partition++) {
      client.send({ type: 'query', id: ++id, name: 'history', params: { topic: 'sensor.reading', partition } })
      events.push(...((await client.next('result')).data as { key: string }[]))
    }
    expect(new Set(events.map(({ key }) => key))).toEqual(new Set(['dev-1']))
    client.close()
  })

  it('ACC-DOOR-1 wrong topic, wrong key: publish, subscribe and commands', async () => {
    const client = await RawClient.greeted(server.port, { token: right })
    const publish = async (seq: number, topic: string, key: string) => {
      client.send({ type: 'publish', seq, topic, events: [{ data: { id: key, n: 1 } }] })
      return client.next(topic === 'sensor.reading' ? 'ack' : 'reject')
    }
    expect(await publish(1, 'secret.reading', 'dev-1')).toMatchObject({
      code: 'unknown_topic',
      message: 'No topic secret.reading. GET /v1/topics lists them.',
    })
    expect(await publish(2, 'no.such', 'dev-1')).toMatchObject({ code: 'unknown_topic' })
    expect(await publish(3, 'sensor.sum', 'dev-1')).toMatchObject({ code: 'not_publishable' })
    expect(await publish(4, 'sensor.reading', 'dev-2')).toMatchObject({
      at: [],
      rejected: [{ index: 0, code: 'forbidden', path: 'id' }],
    })
    const subscribe = (sub: number, selector: string) =>
      client.send({ type: 'subscribe', sub, topic: selector, from: 'earliest' })
    subscribe(1, 'secret.reading')
    expect(await client.next('error')).toMatchObject({ sub: 1, code: 'unknown_topic' })
    subscribe(2, 'no.such')
    expect(await client.next('error')).toMatchObject({ sub: 2, code: 'unknown_topic' })
    subscribe(3, '>')
    const granted = await client.next('subscribed')
    expect(Object.keys(granted.positions as object).sort()).toEqual([
      'counter.state',
      'sensor.reading',
      'sensor.sum',
      'sensor.sum.late',
    ])
    const command = async (id: string, changes: object) => {
      client.send({ ...FRAMES.command.frame, id, ...changes })
      return client.next('answer')
    }
    expect(await command('w-1', { key: 'dev-2' })).toMatchObject({ code: 'forbidden' })
    expect(await command('w-2', { command: 'clear' })).toMatchObject({ code: 'unknown_command' })
    expect(await command('w-3', { command: 'nothing' })).toMatchObject({ code: 'unknown_command' })
    expect(await command('w-4', { entity: 'nobody' })).toMatchObject({ code: 'unknown_entity' })
    client.close()
  })

  it('ACC-DOOR-2 events and snapshots of other keys do not arrive, live, resumed, over streams', async () => {
    const client = await RawClient.greeted(server.port, { token: right })
    client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading', from: 'earliest' })
    client.send({ type: 'subscribe', sub: 2, topic: 'sensor.sum', snapshot: true })
    client.send({ type: 'subscribe', sub: 3, topic: 'counter.state', snapshot: true })
    client.send({ type: 'subscribe', sub: 4, topic: 'sensor.reading', keys: ['dev-2'], from: 'earliest' })
    for (let i = 0; i < 4; i++) await client.next('subscribed')
    await call('POST', '/v1/events', admin, [
      { topic: 'sensor.reading', data: { id: 'dev-2', n: 100 } },
      { topic: 'sensor.reading', data: { id: 'dev-1', n: 101 } },
    ])
    const keysOf = () => {
      const parts = client.frames
        .filter(({ type }) => type === 'batch')
        .flatMap((frame) => frame.parts as { sub: number; events: { key: string; data: { n?: number } }[] }[])
      return parts.flatMap(({ sub, events }) => events.map(({ key, data }) => ({ sub, key, n: data.n })))
    }
    await expect.poll(() => keysOf().some(({ n }) => n === 101), { timeout: 10_000 }).toBe(true)
    await expect.poll(() => new Set(keysOf().map(({ sub }) => sub)), { timeout: 10_000 }).toEqual(new Set([1, 2, 3]))
    expect(new Set(keysOf().map(({ key }) => key))).toEqual(new Set(['dev-1']))
    client.close()
  })
})

describe('tokens of a connection', () => {
  it('ACC-DOOR-3 what is sent right behind hello waits for it', async () => {
    const client = await RawClient.connect(server.port)
    client.send({ type: 'hello', protocol: 1, client: 'test', token: right })
    client.send(FRAMES.publish.frame)
    expect(await client.next('welcome')).toMatchObject({ expiresInMs: expect.any(Number) })
    expect(await client.next('ack')).toMatchObject({ seq: 1 })
    client.close()
    const flood = await RawClient.connect(server.port)
    flood.send({ type: 'hello', protocol: 1, client: 'test', token: right })
    for (let i = 0; i < 3; i++) flood.send({ type: 'pong', time: 1, x: 'x'.repeat(500_000) })
    await Promise.race([flood.next('welcome'), flood.closed])
    flood.close()
  })

  it('ACC-DOOR-4 an expired token ends what it opened', async () => {
    const client = await RawClient.greeted(server.port, {
      token: await signed({}, { expires: Math.ceil(Date.now() / 1_000) + 1 }),
    })
    expect((await client.closed).code).toBe(CLOSE.unauthorized)
  }, 10_000)

  it('ACC-DOOR-5 another token goes on with the connection, as far as its rights allow', async () => {
    const client = await RawClient.greeted(server.port, { token: right })
    client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading' })
    client.send({ type: 'subscribe', sub: 2, topic: 'counter.state' })
    await client.next('subscribed')
    await client.next('subscribed')
    client.send({ type: 'token', token: await signed({}) })
    expect(await client.next('authorized')).toMatchObject({ expiresInMs: expect.any(Number) })
    client.send({
      type: 'token',
      token: await signed({ tidegate: { ...OWN, subscribe: ['sensor.>', 'counter.state:$sub'] } }),
    })
    await client.next('authorized')
    expect(await client.next('unsubscribed')).toMatchObject({ sub: 1, code: 'rights_changed' })
    client.send({ type: 'token', token: other })
    expect((await client.closed).code).toBe(CLOSE.unauthorized)
    expect(client.frames.filter(({ type }) => type === 'unsubscribed')).toEqual([])
  })
})

describe('requests under way', () => {
  const ousted = async (jti: string) => {
    const bus = await openTestBus(server.redis.url, 4)
    await revoke(bus.access(), { kind: 'jti', id: jti }, Date.now())
    bus.close()
  }
  const isRefused = async (token: string) =>
    expect.poll(async () => (await call('GET', '/v1/topics', token)).status, { timeout: 5_000 }).toBe(401)

  it('ACC-DOOR-7 nothing is stored of a body whose sender is revoked while it arrives', async () => {
    const token = await signed({ jti: 'slow-body' })
    const sent = request(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    const status = new Promise((resolve, reject) => {
      sent.on('response', (answer) => resolve(answer.resume().statusCode))
      sent.on('error', reject)
    })
    sent.write('[{"topic":"sensor.reading",')
    await ousted('slow-body')
    await isRefused(token)
    sent.end('"data":{"id":"dev-1","n":4242}}]')
    expect(await status).toBe(401)
    const { body } = await call('GET', '/v1/history?topic=sensor.reading&key=dev-1&limit=1000', admin)
    expect(body.events.length).toBeGreaterThan(0)
    expect(body.events.filter(({ data }: { data: { n: number } }) => data.n === 4242)).toEqual([])
  })

  it('ACC-DOOR-7 an answer that waits for a version is not shown to somebody who is revoked meanwhile', async () => {
    const token = await signed({ jti: 'long-query' })
    const { body: now } = await call('GET', '/v1/entities/counter/dev-1', token)
    const waiting = call('GET', `/v1/entities/counter/dev-1?minVersion=${now.version + 1}@${now.epoch}`, token)
    await ousted('long-query')
    await isRefused(token)
    await call('POST', '/v1/entities/counter/dev-1/add', admin, { n: 0 })
    const { status, body } = await waiting
    expect([status, body.error.code]).toEqual([401, 'unauthorized'])
  })
})

describe('account', () => {
  it('ACC-AUDIT-1 what is refused is noted with its reason and address, without the credentials', async () => {
    noted.length = 0
    const tokens = await Promise.all(Object.values(BAD).map((tokenOf) => tokenOf()))
    for (const token of tokens) {
      await call('GET', '/v1/topics', token)
      await refusedHello(token)
    }
    await call('GET', '/metrics', right)
    const failed = noted.filter(({ kind }) => kind === 'authentication_failed')
    // Who shows nothing has not tried.
    expect(failed).toHaveLength(2 * (tokens.length - 1))
    expect(new Set(failed.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']))
    expect(new Set(failed.map(({ what }) => what)).size).toBeGreaterThan(5)
    expect(noted.at(-1)).toEqual({ kind: 'admin_denied', subject: 'dev-1', address: '127.0.0.1', what: '/metrics' })
    const text = JSON.stringify(noted)
    for (const token of tokens) if (token !== undefined) expect(text).not.toContain(token.slice(-20))
  })
})

describe('who', () => {
  it('E-RUN-8 handlers and trails know who sent a command, and the claims that are listed', async () => {
    const token = await signed({ sub: 'op', role: 'chief', secret: 'x', tidegate: { command: ['>'], query: ['>'] } })
    const by = { subject: 'op', claims: { role: 'chief' } }
    expect((await call('POST', '/v1/entities/counter/who/whoAmI', token, {})).body).toMatchObject({ reply: by })
    await call('POST', '/v1/entities/counter/who/add', token, { n: 1 })
    expect((await call('GET', '/v1/entities/counter/who/history', token)).body.events).toMatchObject([
      { type: 'added', by },
    ])
  })
})

describe('namespaces', () => {
  it('ACC-RIGHTS-4 G-COMMAND-8 a producer cannot be fenced by another subject, nor its Idempotency-Keys be used up', async () => {
    const mine = await RawClient.greeted(server.port, { token: right, producer: 'p', session: 1, sequence: 'new' })
    const theirs = await RawClient.greeted(server.port, {
      token: other,
      producer: 'p',
      session: 99_999_999_999_999,
      sequence: 'new',
    })
    theirs.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: [{ data: { id: 'dev-2', n: 1 } }] })
    await theirs.next('ack')
    mine.send(FRAMES.publish.frame)
    expect(await mine.next('ack')).toMatchObject({ seq: 1 })
    for (const client of [mine, theirs]) client.close()
    const keyed = (token: string, path: string, body: object) =>
      fetch(server.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': 'k-1' },
        body: JSON.stringify(body),
      }).then((response) => response.json())
    const publish = (token: string, id: string) =>
      keyed(token, '/v1/events', { topic: 'sensor.reading', data: { id, n: 5 } })
    expect(await publish(other, 'dev-2')).toMatchObject({ accepted: 1, duplicate: false })
    expect(await publish(right, 'dev-1')).toMatchObject({ accepted: 1, duplicate: false })
    expect(await publish(right, 'dev-1')).toMatchObject({ accepted: 1, duplicate: true })
    const add = (token: string) => keyed(token, '/v1/entities/counter/dev-1/add', { n: 0 })
    const [first, second, again] = [await add(admin), await add(right), await add(right)]
    expect(second.version).toBeGreaterThan(first.version)
    expect(again).toEqual(second)
  })

  it("CMD-ID-1 ACC-RIGHTS-4 a command id of one subject is another command of another subject, and its outcome is nobody else's", async () => {
    const send = async (token: string, id: string) => {
      const client = await RawClient.greeted(server.port, { token })
      client.send({ ...FRAMES.command.frame, id, input: { n: 3 } })
      const answer = await client.next('answer')
      client.close()
      return answer
    }
    const [first, second, again] = [
      await send(admin, 'shared-id'),
      await send(right, 'shared-id'),
      await send(admin, 'shared-id'),
    ]
    expect([first, second].map(({ status, id }) => [status, id])).toEqual(Array(2).fill(['done', 'shared-id']))
    expect(second.version).toBeGreaterThan(first.version as number)
    expect(again).toMatchObject({ status: 'done', version: first.version })
    await send(admin, 'not-yours')
    const ask = (token: string, id: string) => call('GET', `/v1/commands/counter/dev-1/${id}`, token)
    expect((await ask(right, 'shared-id')).body).toMatchObject({ version: second.version })
    expect((await ask(admin, 'shared-id')).body).toMatchObject({ version: first.version })
    expect((await ask(right, 'not-yours')).status).toBe(404)
    const { body } = await call('GET', '/v1/entities/counter/dev-1/history?limit=1000', right)
    const ids = body.events.map(({ commandId }: { commandId: string }) => commandId)
    expect(ids.filter((id: string) => id === 'shared-id')).toHaveLength(2)
    // Whose a command is, is no matter of others.
    expect(ids.filter((id: string) => id.startsWith('by:'))).toEqual([])
  })
})
