import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Bus, COMMANDS_TOPIC, decodeEvents } from '../../src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { systemClock } from '../../src/clock.ts'
import type { CommandOutcome } from '../../src/entities/index.ts'
import { ConnectionCommands } from '../../src/gateway/connection-commands.ts'
import { openTestBus } from '../support/bus.ts'
import { entityContract } from '../support/entity-contract.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { accept, type Decide, StandInOwner } from '../support/stand-in-owner.ts'

let server: TestGateway
let redis: Redis
let bus: Bus
let owner: StandInOwner
let nextId = 0

const rejected = (code: string, more: object = {}): CommandOutcome => ({
  ...{ status: 'rejected', code, message: `it is ${code}`, version: 2, epoch: '1' },
  ...more,
})
/** What the owner makes of a command, by its note. */
const decide: Decide = (command, run) => {
  const { note } = command.input as { note?: string }
  if (note === 'never') return undefined
  if (note === 'reply') return { status: 'done', version: 4, epoch: 'k2', events: [], reply: { ok: true } }
  if (note?.startsWith('refuse ')) return rejected(note.slice('refuse '.length))
  if (note === 'busy') return rejected('overloaded', { retryAfterMs: 1_500 })
  return accept(command, run)
}

beforeAll(async () => {
  server = await startTestGateway(entityContract)
  redis = openCommandConnection(server.redis.url, 'test')
  await untilReady(redis, 5_000)
  bus = await openTestBus(server.redis.url, 4)
  owner = new StandInOwner(bus, decide)
})
afterAll(async () => {
  await owner.close()
  bus.close()
  redis.disconnect()
  await server.close()
})
afterEach(() => {
  owner.paused = false
})

const frame = (changes: object = {}) => ({
  ...{ type: 'command', id: `c-${nextId++}`, entity: 'user', key: '42', command: 'changeEmail' },
  ...{ input: { email: 'ann@example.org' }, ...changes },
})

async function http(
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
) {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

const command = (body?: unknown, headers?: Record<string, string>, path = '/v1/entities/user/42/changeEmail') =>
  http('POST', path, { body, ...(headers && { headers }) })

/** In the log of answers. */
const PLACE = expect.stringMatching(/^\d@\w+\/\d+-\d+\.\d+$/)

async function stored(id: string) {
  const logs = await Promise.all([0, 1, 2, 3].map((p) => bus.log(p, 'query').range(COMMANDS_TOPIC, '-', '+', 5_000)))
  return logs.flat().flatMap(({ payload }) => decodeEvents(payload).filter((event) => event.id === id))
}

describe('command frames', () => {
  it('G-COMMAND-1 G-COMMAND-12 are answered each once, of a client without a producer too', async () => {
    const client = await RawClient.greeted(server.port)
    const sent = frame({ expectedVersion: '3@k2x9' })
    client.send(sent)
    expect(await client.next('answer')).toEqual({
      ...{ type: 'answer', id: sent.id, status: 'done', version: expect.any(Number), epoch: '1' },
      events: [{ type: 'accepted', data: sent.input }],
      position: PLACE,
    })
    expect((await stored(sent.id))[0]).toMatchObject({ data: { expected: { version: 3, epoch: 'k2x9' } } })
    client.send(frame({ id: 'r-1', input: { note: 'reply' } }))
    expect(await client.next('answer')).toMatchObject({ id: 'r-1', status: 'done', reply: { ok: true } })
    client.send(frame({ id: 'r-2', input: { note: 'refuse user_not_found' } }))
    expect(await client.next('answer')).toEqual({
      ...{ type: 'answer', id: 'r-2', ...rejected('user_not_found'), position: PLACE },
    })
    client.send(sent)
    expect(await client.next('answer')).toMatchObject({ id: sent.id, status: 'done' })
    expect(client.frames).toEqual([])
    client.close()
  })

  it('G-COMMAND-1 with a bad field are answered too; with no id to answer they end the connection', async () => {
    const client = await RawClient.greeted(server.port)
    const faults: [object, string][] = [
      [{ entity: 7 }, 'invalid_frame'],
      [{ key: undefined }, 'invalid_frame'],
      [{ key: '\ud800' }, 'invalid_frame'],
      [{ command: null }, 'invalid_frame'],
      [{ expectedVersion: -1 }, 'invalid_frame'],
      [{ expectedVersion: '3@' }, 'invalid_frame'],
      [{ deadlineMs: 99 }, 'invalid_frame'],
      [{ deadlineMs: 60_001 }, 'invalid_frame'],
      [{ ageMs: 'old' }, 'invalid_frame'],
      [{ entity: 'nobody' }, 'unknown_entity'],
      [{ command: 'fly' }, 'unknown_command'],
      [{ input: undefined }, 'invalid_input'],
      [{ key: 'k'.repeat(10_240) }, 'key_too_long'],
    ]
    for (const [changes, code] of faults) {
      const sent = frame(changes)
      client.send(sent)
      expect(await client.next('answer')).toMatchObject({ id: sent.id, status: 'rejected', code })
    }
    client.send(frame({ id: 'i'.repeat(128) }))
    expect(await client.next('answer')).toMatchObject({ status: 'done' })
    for (const id of [undefined, 7, '', 'i'.repeat(129), 'http:1', 'then:1', 'outcome:1', '\ud800']) {
      const other = await RawClient.greeted(server.port)
      other.send(frame({ id }))
      expect(await other.next('error')).toMatchObject({ code: 'invalid_frame' })
      expect((await other.closed).code).toBe(4500)
    }
    client.close()
  })

  it('G-COMMAND-2 G-LIMIT-7 beyond 64 unanswered ones of a connection are refused, other connections and publishes are not', async () => {
    owner.paused = true
    const [client, other] = [await RawClient.greeted(server.port), await RawClient.greeted(server.port)]
    const held = async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text()
      return Number(/^tidegate_held_bytes\{.*of="commands".*\} (\d+)/m.exec(text)?.[1])
    }
    const before = await held()
    for (let i = 0; i < 65; i++) client.send(frame({ id: `w-${i}`, key: `w-${i}` }))
    expect(await client.next('answer')).toMatchObject({
      ...{ id: 'w-64', code: 'command_window', retryAfterMs: expect.any(Number) },
    })
    client.send({
      type: 'publish',
      seq: 1,
      topic: 'sensor.reading',
      events: [{ data: { sensorId: 's', temperature: 1 } }],
    })
    await client.next('ack')
    expect(await held()).toBeGreaterThan(before + 64 * 1_024)
    other.send(frame({ id: 'w-64', key: 'w-64' }))
    owner.paused = false
    expect(await other.next('answer')).toMatchObject({ id: 'w-64', status: 'done' })
    const answered = new Set<unknown>()
    while (answered.size < 64) answered.add((await client.next('answer')).id)
    client.send(frame({ id: 'w-64', key: 'w-64' }))
    expect(await client.next('answer')).toMatchObject({ id: 'w-64', status: 'done' })
    await expect.poll(held).toBeLessThanOrEqual(before)
    for (const each of [client, other]) each.close()
  })

  it('G-COMMAND-3 beyond 64 without an outcome of one entity are overloaded, those of other entities are not', async () => {
    owner.paused = true
    const clients = [await RawClient.greeted(server.port), await RawClient.greeted(server.port)]
    for (let i = 0; i < 64; i++) clients[0]!.send(frame({ id: `e-${i}`, key: 'hot' }))
    await expect.poll(async () => (await stored('e-63')).length).toBe(1)
    clients[1]!.send(frame({ id: 'e-64', key: 'hot' }))
    expect(await clients[1]!.next('answer')).toMatchObject({
      ...{ id: 'e-64', code: 'overloaded', retryAfterMs: expect.any(Number) },
    })
    clients[1]!.send(frame({ id: 'e-65', key: 'cool' }))
    owner.paused = false
    expect(await clients[1]!.next('answer')).toMatchObject({ id: 'e-65', status: 'done' })
    for (const client of clients) client.close()
  })

  it('G-COMMAND-16 of a client that sends on as it is refused are read no faster than of one that waits, and others are not held up', async () => {
    owner.paused = true
    const [first, flood, good] = await Promise.all([1, 2, 3].map(() => RawClient.greeted(server.port)))
    for (let i = 0; i < 64; i++) first!.send(frame({ id: `full-${i}`, key: 'full' }))
    await expect.poll(async () => (await stored('full-63')).length).toBe(1)
    const codes = new Set<unknown>()
    let refused = 0
    let isOpen = true
    const startedAt = performance.now()
    for (let i = 0; i < 64; i++) flood!.send(frame({ key: 'full' }))
    while (refused < 96) {
      codes.add((await flood!.next('answer')).code)
      refused++
      flood!.send(frame({ key: 'full' }))
    }
    const took = performance.now() - startedAt
    expect(codes).toEqual(new Set(['overloaded']))
    // Half of the 250 ms that it was advised each time, for half of the 64 that it may have unanswered.
    expect(took).toBeGreaterThanOrEqual(120)
    const events = [{ data: { sensorId: 's', temperature: 1 } }]
    good!.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events })
    await good!.next('ack')
    const end = flood!.closed.then((closed) => {
      isOpen = false
      return closed
    })
    while (isOpen) {
      for (let i = 0; i < 100; i++) flood!.send(frame({ key: 'full' }))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { code, reason } = await end
    expect([code, JSON.parse(reason)]).toEqual([4029, { retryAfterMs: expect.any(Number) }])
    for (const client of [first, good]) client!.close()
  })

  it('G-COMMAND-4 that Redis lost are answered epoch_changed, and sent again they are run', async () => {
    owner.paused = true
    const client = await RawClient.greeted(server.port)
    const sent = frame({ id: 'lost', key: 'lost' })
    client.send(sent)
    await expect.poll(async () => (await stored('lost')).length).toBe(1)
    await redis.flushall()
    expect(await client.next('answer')).toMatchObject({ id: 'lost', code: 'epoch_changed', retryAfterMs: 0 })
    owner.paused = false
    await expect
      .poll(async () => {
        client.send({ ...sent, ageMs: 100 })
        return (await client.next('answer')).status
      })
      .toBe('done')
    client.close()
  })

  it('CMD-STORE-3 under another epoch than they name are not stored, and refused with the present one', async () => {
    const client = await RawClient.greeted(server.port)
    client.send(frame({ id: 'behind', key: 'behind', epoch: 'before' }))
    const refused = await client.next('answer')
    expect(refused).toMatchObject({ id: 'behind', code: 'epoch_changed', retryAfterMs: 0, epoch: expect.any(String) })
    expect(await stored('behind')).toEqual([])
    client.send(frame({ id: 'behind', key: 'behind', epoch: refused.epoch, ageMs: 10 }))
    expect(await client.next('answer')).toMatchObject({ id: 'behind', status: 'done' })
    client.send(frame({ epoch: '1 2' }))
    expect(await client.next('answer')).toMatchObject({ code: 'invalid_frame' })
    client.close()
  })

  it('CMD-STORE-3 that name no epoch have the one that the gateway knows when they come', () => {
    const sent: (string | undefined)[] = []
    const send = ({ epoch }: { epoch?: string | undefined }) => sent.push(epoch)
    const commands = new ConnectionCommands(
      { send, epochOf: (entity, key) => `of-${entity}-${key}` },
      systemClock,
      () => {},
    )
    commands.take(frame({ key: 'a' }) as never, {} as never)
    commands.take(frame({ key: 'a', epoch: 'named' }) as never, {} as never)
    expect(sent).toEqual(['of-user-a', 'named'])
  })

  it('G-COMMAND-15 do not overtake one that is refused before they come, or before they are stored', async () => {
    const client = await RawClient.greeted(server.port)
    const pipelined = (id: string, changes: object = {}) => client.send(frame({ id, key: 'chain', ...changes }))
    // Refused when it is to be stored, with the others at its heels; they would be stored by their own epoch.
    pipelined('1', { epoch: 'before' })
    pipelined('2', { after: '1' })
    pipelined('3', { after: '2' })
    expect(await answersOf(client, 3)).toEqual(['1 epoch_changed', '2 epoch_changed', '3 epoch_changed'])
    pipelined('4', { after: '3' })
    pipelined('5', { after: '4' })
    expect(await answersOf(client, 2)).toEqual(['4 out_of_order', '5 out_of_order'])
    expect(await stored('chain')).toEqual([])
    for (const [id, after] of [['1'], ['2', '1'], ['3', '2'], ['4', '3'], ['5', '4']])
      pipelined(id!, { after, ageMs: 5 })
    expect(await answersOf(client, 5)).toEqual(['1 done', '2 done', '3 done', '4 done', '5 done'])
    pipelined('6', { after: 'http:x' })
    expect(await answersOf(client, 1)).toEqual(['6 invalid_frame'])
    client.close()
  })

  it('G-COMMAND-15 I-APPEND-14 do not overtake one that an append under way fails to store', async () => {
    const client = await RawClient.greeted(server.port)
    client.send(frame({ id: 'first', key: 'failing' }))
    expect(await answersOf(client, 1)).toEqual(['first done'])
    await redis.call('CLIENT', 'PAUSE', 5_000, 'WRITE')
    client.send(frame({ id: 'under-way', key: 'failing' }))
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.send(frame({ id: 'waiting', key: 'failing', after: 'under-way' }))
    expect(await answersOf(client, 2)).toEqual(['under-way unavailable', 'waiting out_of_order'])
    await redis.call('CLIENT', 'UNPAUSE')
    client.close()
  })
})

async function answersOf(client: RawClient, count: number): Promise<string[]> {
  const answers: string[] = []
  while (answers.length < count) {
    const { id, status, code } = await client.next('answer')
    answers.push(`${id} ${code ?? status}`)
  }
  return answers
}

describe('commands over HTTP', () => {
  it('G-COMMAND-5 POST answers 200 with version, epoch and events, and the version as ETag', async () => {
    const answer = await command({ note: 'reply' })
    expect(answer).toMatchObject({
      status: 200,
      body: { version: 4, epoch: 'k2', events: [], reply: { ok: true } },
    })
    expect(answer.body.status).toBeUndefined()
    expect(answer.headers.get('etag')).toBe('"4@k2"')
    expect((await command()).body.events).toEqual([{ type: 'accepted', data: {} }])
  })

  it.each([
    ['user_not_found', 422],
    ['version_conflict', 412],
    ['conflict', 409],
    ['handler_failed', 500],
    ['state_too_large', 422],
    ['outcome_unknown', 409],
  ])('G-COMMAND-5 %s is %d', async (code, status) => {
    expect(await command({ note: `refuse ${code}` })).toMatchObject({
      status,
      body: { error: { code, message: `it is ${code}`, version: 2, epoch: '1' } },
    })
  })

  it('G-COMMAND-5 what may be sent again has Retry-After', async () => {
    const answer = await command({ note: 'busy' })
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'overloaded', retryAfterMs: 1_500 } } })
    expect(answer.headers.get('retry-after')).toBe('2')
  })

  it.each([
    ['/v1/entities/nobody/42/changeEmail', {}, {}, 404, 'unknown_entity'],
    ['/v1/entities/user/42/fly', {}, {}, 404, 'unknown_command'],
    ['/v1/entities/user//changeEmail', {}, {}, 400, 'key_too_long'],
    [`/v1/entities/user/${'k'.repeat(1_000)}/changeEmail`, {}, {}, 400, 'key_too_long'],
    ['/v1/entities/user/%ff/changeEmail', {}, {}, 400, 'invalid_frame'],
    ['/v1/entities/user/%/changeEmail', {}, {}, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail', '{', {}, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail', [], {}, 400, 'invalid_input'],
    ['/v1/entities/user/42/changeEmail', 'null', {}, 400, 'invalid_input'],
    ['/v1/entities/user/42/changeEmail', '7', {}, 400, 'invalid_input'],
    ['/v1/entities/user/42/changeEmail', '"text"', {}, 400, 'invalid_input'],
    ['/v1/entities/user/42/changeEmail', 'true', {}, 400, 'invalid_input'],
    ['/v1/entities/user/42/changeEmail', { email: 7 }, {}, 400, 'invalid_input'],
    ['/v1/entities/user/42/changeEmail', { email: 'a'.repeat(40_000) }, {}, 400, 'invalid_input'],
    ['/v1/entities/user/42/changeEmail', { email: 'a'.repeat(1_100_000) }, {}, 413, 'frame_too_large'],
    ['/v1/entities/user/42/changeEmail', {}, { 'idempotency-key': 'no spaces' }, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail', {}, { 'if-match': '*' }, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail', {}, { 'if-match': '3' }, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail', {}, { 'if-match': '"3", "4"' }, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail', {}, { 'content-encoding': 'gzip' }, 415, 'unsupported_content'],
    ['/v1/entities/user/42/changeEmail?deadlineMs=99', {}, {}, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail?deadlineMs=60001', {}, {}, 400, 'invalid_frame'],
    ['/v1/entities/user/42/changeEmail?deadlineMs=200&deadlineMs=300', {}, {}, 400, 'invalid_frame'],
  ])('G-COMMAND-6 POST %.60s %.20j %j is %d %s', async (path, body, headers, status, code) => {
    expect(await command(body, headers as Record<string, string>, path)).toMatchObject({
      status,
      body: { error: { code } },
    })
  })

  it('G-COMMAND-6 the key is percent-decoded', async () => {
    const key = 'a/b ё?#%'
    const path = `/v1/entities/user/${encodeURIComponent(key)}/changeEmail`
    const before = owner.read.length
    expect(await command({}, {}, path)).toMatchObject({ status: 200 })
    expect(owner.read.slice(before).map((each) => each.key)).toEqual([key])
  })

  it.each([
    ['GET', '/v1/entities/user/42/changeEmail', 'POST, OPTIONS'],
    ['PUT', '/v1/entities/user/42/changeEmail', 'POST, OPTIONS'],
    ['POST', '/v1/commands/user/42/c-1', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/v1/entities', 'GET, HEAD, OPTIONS'],
  ])('G-COMMAND-6 %s %s is 405', async (method, path, allow) => {
    const answer = await http(method, path)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
  })

  it('G-COMMAND-7 If-Match is the expected version', async () => {
    for (const [value, expected] of [
      ['"3"', { version: 3 }],
      ['"3@k2x9"', { version: 3, epoch: 'k2x9' }],
    ] as const) {
      const before = owner.read.length
      await command({}, { 'if-match': value })
      expect(owner.read.slice(before).map((each) => each.expected)).toEqual([expected])
    }
  })

  it('G-COMMAND-8 a request with an Idempotency-Key is run once; another command under it is a conflict, another entity is none', async () => {
    const key = { 'idempotency-key': 'k-1' }
    const [first, again] = [await command({ email: 'a' }, key), await command({ email: 'a' }, key)]
    expect(again.body).toEqual(first.body)
    expect(owner.run.filter((id) => id === owner.read.at(-1)!.id)).toHaveLength(1)
    expect(await command({ email: 'b' }, key)).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } })
    expect(await command({ email: 'b' }, key, '/v1/entities/user/43/changeEmail')).toMatchObject({ status: 200 })
    const [one, other] = [await command({ email: 'a' }), await command({ email: 'a' })]
    expect(other.body.version).toBe(one.body.version + 1)
  })

  it('G-COMMAND-9 one that is pending at its deadline is 202 with the address of its outcome, which is not sent again', async () => {
    owner.paused = true
    const answer = await command({ email: 'late' }, {}, '/v1/entities/user/a%2Fb/changeEmail?deadlineMs=100')
    expect(answer.status).toBe(202)
    expect(answer.headers.get('retry-after')).toBe('1')
    const location = answer.headers.get('location')!
    expect(location).toMatch(/^\/v1\/commands\/user\/a%2Fb\/http%3A/)
    expect(await http('GET', location)).toMatchObject({ status: 202 })
    const before = owner.read.length
    owner.paused = false
    await expect.poll(async () => (await http('GET', location)).status).toBe(200)
    expect((await http('GET', location)).body).toMatchObject({
      ...{ status: 'done', events: [{ type: 'accepted', data: { email: 'late' } }] },
    })
    expect(owner.read.length).toBe(before + 1)
    expect(await http('GET', '/v1/commands/user/42/nothing')).toMatchObject({
      ...{ status: 404, body: { error: { code: 'not_found' } } },
    })
    expect((await http('GET', '/v1/commands/user/%ff/nothing')).status).toBe(400)
  })
})

describe('entities', () => {
  it('G-COMMAND-10 are listed with the schemas of their commands', async () => {
    const { status, body } = await http('GET', '/v1/entities')
    expect(status).toBe(200)
    expect(body.entities).toHaveLength(1)
    expect(body.entities[0]).toMatchObject({
      ...{ name: 'user', key: 'userId', version: 1, rejections: ['user_not_found'], indexes: ['email'] },
      events: { emailChanged: { type: 'object', required: ['email'] } },
      commands: { changeEmail: { type: 'object', properties: { email: { type: 'string' } } }, broken: {} },
    })
  })

  it('G-COMMAND-11 metrics count answers by outcome, with how long they took', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    for (const outcome of ['done', 'domain', 'unknown_entity', 'overloaded']) {
      const count = new RegExp(`^tidegate_command_seconds_count\\{outcome="${outcome}"\\} [1-9]`, 'm')
      expect(text.match(count), outcome).not.toBeNull()
    }
    expect(text).toMatch(/^tidegate_pending_commands \d+$/m)
  })
})
