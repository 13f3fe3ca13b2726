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
    'change has no "snapshot". It has keys, where, lanes, batch, onSlow, maxRate, state.',
    () => client.subscribe('a').change(any({ snapshot: true })),
  ],
]

test.each(REJECTED)('C-ARG-1 C-ARG-2 %s', async (message, call) => {
  await expect(call()).rejects.toThrow(new TypeError(message))
  expect(TestSocket.last.ofType('publish')).toEqual([])
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
