import { afterEach, expect, test } from 'vitest'
import { type ClientOptions, createClient, type SubscribeOptions, type TidegateClient } from '../src/index.ts'
import { TestSocket } from './support/test-socket.ts'

const SERVER = { url: 'http://server.invalid', WebSocket: TestSocket, connect: true }
let client: TidegateClient = createClient(SERVER)
TestSocket.last.greet()
afterEach(async () => {
  await client.close({ deadlineMs: 0 })
  client = createClient(SERVER)
  TestSocket.last.greet()
})

/** What only somebody without types can pass. */
const any = (value: unknown) => value as never
const create = (options: unknown) => () => createClient(options as ClientOptions)
const subscribe = (options: unknown) => () => client.subscribe('a', options as SubscribeOptions, () => {})

const first = async (pages: AsyncIterable<unknown>) => {
  for await (const page of pages) return page
}

const WRONG: readonly (readonly [string, () => unknown])[] = [
  ['createClient: expected an object, got "http://localhost:8080"', create('http://localhost:8080')],
  ['createClient.url: expected a string, got undefined', create({ WebSocket: TestSocket })],
  ['createClient.windowBytes: expected a number, got "64k"', create({ ...SERVER, windowBytes: '64k' })],
  ['createClient has no "tokne". Did you mean "token"?', create({ ...SERVER, tokne: 'secret' })],
  ['createClient has no "ulr". Did you mean "url"?', create({ ulr: 'http://localhost' })],
  [
    'createClient.outbox has no "maxframes". Did you mean "maxFrames"?',
    create({ ...SERVER, outbox: { maxframes: 1 } }),
  ],
  ['subscribe: selector: expected a string, got undefined', () => client.subscribe(any(undefined))],
  ['subscribe: expected an object, got "now"', subscribe('now')],
  ['subscribe: callback: expected a function, got {}', () => client.subscribe('a', {}, any({}))],
  ['subscribe has no "key". Did you mean "keys"?', subscribe({ key: 'k' })],
  [
    'subscribe has no "filter". It has keys, where, lanes, batch, onSlow, maxRate, state, from, snapshot, concurrent, signal.',
    subscribe({ filter: 'data.n > 1' }),
  ],
  ['subscribe: expected an object, got a function', () => client.subscribe('a', () => {}, any({ keys: ['k'] }))],
  ['subscribe.signal: expected an AbortSignal, got {}', subscribe({ signal: new AbortController() })],
  ['subscribe.concurrent: expected a boolean, got "no"', subscribe({ concurrent: 'no' })],
  ['subscribe: Do not know how to serialize a BigInt', subscribe({ from: { time: 5n } })],
  ['subscribe: Do not know how to serialize a BigInt', subscribe({ state: { n: 5n } })],
  ['history has no "keys". Did you mean "key"?', () => client.history('a', any({ keys: ['k'] }))],
  [
    'history.from: expected a number, got "1970-01-01T00:00:00.000Z"',
    () => client.history('a', any({ from: new Date(0) })),
  ],
  ['window has no "kye". Did you mean "key"?', () => client.window('a', any({ kye: 'k' }))],
  ['window.limit: expected a number, got NaN', () => client.window('a', { limit: Number.NaN })],
  ['latest has no "keys". Did you mean "key"?', () => client.latest('a', any({ keys: 'k' }))],
  ['onStatus: expected a function, got undefined', () => client.onStatus(any(undefined))],
  ['onGap: expected a function, got null', () => client.subscribe('a').onGap(any(null))],
]

test.each(WRONG)('C-ARG-1 C-ARG-2 %s', (message, call) => {
  expect(call).toThrow(new TypeError(message))
  expect(TestSocket.last.ofType('subscribe').length).toBeLessThanOrEqual(1)
})

const REJECTED: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['publish: topic: expected a string, got {"data":{}}', () => client.publish(any({ data: {} }), any(undefined))],
  ['publish: expected events { data: {...} }, got undefined', () => client.publish('a', any(undefined))],
  ['publish: expected events { data: {...} }, got {"n":1}', () => client.publish('a', any({ n: 1 }))],
  ['publish: expected events { data: {...} }, got "x"', () => client.publish('a', any([{ data: {} }, 'x']))],
  [
    'publish: event has no "key". It has id, time, source, data.',
    () => client.publish('a', any({ key: 'k', data: {} })),
  ],
  ['publish: event has no "tmie". Did you mean "time"?', () => client.publish('a', any({ tmie: 5, data: {} }))],
  ['publish: event.time: expected a number, got NaN', () => client.publish('a', { time: Number.NaN, data: {} })],
  ['publish: event.id: expected a string, got 5', () => client.publish('a', any({ id: 5, data: {} }))],
  ['publish: Do not know how to serialize a BigInt', () => client.publish('a', { data: { n: 5n } })],
  [
    'publish.signal: expected an AbortSignal, got {}',
    () => client.publish('a', { data: {} }, any({ signal: new AbortController() })),
  ],
  ['query: Do not know how to serialize a BigInt', () => client.query('history', { limit: 5n })],
  ['topics has no "sginal". Did you mean "signal"?', () => client.topics(any({ sginal: 1 }))],
  ['command has no "iid". Did you mean "id"?', () => client.command('a', 'k', 'c', {}, any({ iid: 'x' }))],
  ['command: Do not know how to serialize a BigInt', () => client.command('a', 'k', 'c', { n: 5n })],
  ['get has no "verison". Did you mean "version"?', () => client.entity('a', 'k').get(any({ verison: 1 }))],
  [
    'history has no "form". It has after, limit, signal.',
    () => first(client.entity('a', 'k').history(any({ form: 1 }))),
  ],
  [
    'findEntities has no "lmiit". Did you mean "limit"?',
    () => first(client.findEntities('a', 'i' as never, 'v', any({ lmiit: 1 }))),
  ],
  ['change: Do not know how to serialize a BigInt', () => client.subscribe('a').change({ state: { n: 5n } })],
  [
    'change has no "snapshot". It has keys, where, lanes, batch, onSlow, maxRate, state.',
    () => client.subscribe('a').change(any({ snapshot: true })),
  ],
]

test.each(REJECTED)('C-ARG-1 C-ARG-2 %s', async (message, call) => {
  await expect(call()).rejects.toThrow(new TypeError(message))
  expect(TestSocket.last.ofType('publish')).toEqual([])
  // What was refused does not come back with the next connection, where nobody could catch it.
  TestSocket.last.lose()
  client.reconnect()
  TestSocket.last.greet()
  expect(client.status.get().state).toBe('online')
  expect(TestSocket.last.sent.filter(({ type }) => /publish|query|command/.test(type))).toEqual([])
})

const OUT_OF_BOUNDS: readonly (readonly [string, () => unknown])[] = [
  ['createClient.producer: expected 1 to 64 characters, got ""', create({ ...SERVER, producer: '' })],
  [
    `createClient.producer: expected 1 to 64 characters, got "${'p'.repeat(59)}...`,
    create({ ...SERVER, producer: 'p'.repeat(65) }),
  ],
  ['history.limit: expected 0 or more, got -1', () => client.history('a', { limit: -1 })],
  ['window.limit: expected 0 or more, got -5', () => client.window('a', { limit: -5 })],
]

test.each(OUT_OF_BOUNDS)('C-ARG-4 %s', (message, call) => {
  expect(call).toThrow(new TypeError(message))
})

test('C-ARG-2 events - one that was delivered is published again with what is its own', async () => {
  const given = { id: 'e1', time: 5, source: 's', data: { n: 1 } }
  const delivered: unknown[] = []
  client.subscribe('a', (event) => {
    delivered.push(event)
    void client.publish('b', event)
  })
  const events = [{ at: '0@e/1-0.0', key: 'k', ...given }]
  TestSocket.last.receive({ type: 'batch', parts: [{ sub: 1, topic: 'a', lane: 'low', events }] })
  await Promise.resolve()
  expect(delivered).toMatchObject([{ topic: 'a', key: 'k' }])
  expect(TestSocket.last.ofType('publish')).toEqual([{ type: 'publish', seq: 1, topic: 'b', events: [given] }])
  TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'] })
})

test('C-ARG-1 JSON - a cycle is named as well, where it begins', async () => {
  const data: Record<string, unknown> = { n: 1 }
  data.self = data
  await expect(client.publish('a', { data })).rejects.toThrow(/^publish: Converting circular structure to JSON/)
})

test('C-ARG-2 options - one that is undefined is as good as absent', async () => {
  await client.close({ deadlineMs: 0 })
  const outbox = { maxFrames: undefined, maxBytes: undefined, maxAgeMs: undefined } as object
  client = createClient({ ...SERVER, token: undefined as never, outbox })
  TestSocket.last.greet()
  const published = client.publish('a', { id: undefined as never, data: {} })
  await Promise.resolve()
  expect(TestSocket.last.ofType('publish')).toHaveLength(1)
  TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'] })
  await expect(published).resolves.toMatchObject({ rejected: [] })
})

test('C-ARG-2 options - no error shows a token', () => {
  for (const options of [{ token: 5 }, { token: ['secret'] }, { tokne: 'secret' }, 'secret'.repeat(0)]) {
    expect(create({ ...SERVER, ...(options as object) })).not.toThrow(/secret/)
  }
})

test('C-ARG-3 subscribe - takes a callback in place of options', () => {
  const ids: string[] = []
  client.subscribe('a', ({ id }) => ids.push(id))
  expect(TestSocket.last.ofType('subscribe')).toEqual([{ type: 'subscribe', sub: 1, topic: 'a' }])
  const events = [{ at: '0@e/1-0.0', id: 'e1', key: 'k', time: 1, data: {} }]
  TestSocket.last.receive({ type: 'batch', parts: [{ sub: 1, topic: 'a', lane: 'low', events }] })
  expect(ids).toEqual(['e1'])
})
