import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClient, type TidegateClient, type TidegateError } from '../src/index.ts'
import { TestSocket } from './support/test-socket.ts'

const warnings = vi.fn()
let client: TidegateClient

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation((text) => warnings(text))
  client = createClient({ url: 'http://server.invalid', WebSocket: TestSocket, connect: true })
  TestSocket.last.greet()
})
afterEach(async () => {
  await client.close({ deadlineMs: 0 })
  vi.restoreAllMocks()
  warnings.mockClear()
})

const refuse = (sub: number) =>
  TestSocket.last.receive({
    type: 'error',
    sub,
    code: 'unknown_topic',
    message: 'no topic matches a',
    retryable: false,
  })
/** What was published in this turn. */
const sent = () => Promise.resolve()
const no = (index: number) => ({ index, code: 'invalid_data' as const, path: 'n', message: 'expected a number' })

describe('publish', () => {
  test('C-FATE-2 all refused - the call rejects with code, path, message and receipt', async () => {
    const one = client.publish('a', { data: {} })
    const two = client.publish('b', [{ data: {} }, { data: {} }])
    await sent()
    TestSocket.last.receive({ type: 'ack', seq: 1, at: [], rejected: [no(0)] })
    TestSocket.last.receive({ type: 'ack', seq: 2, at: [], rejected: [no(0), no(1)] })
    const error = { code: 'invalid_data', path: 'n', message: 'n: expected a number', retryable: false }
    await expect(one).rejects.toMatchObject({ ...error, receipt: { at: [], rejected: [no(0)], duplicate: false } })
    const message = 'None of 2 events was stored. The first: n: expected a number'
    await expect(two).rejects.toMatchObject({ ...error, message, receipt: { rejected: [no(0), no(1)] } })
  })

  test('C-FATE-2 the data itself refused - its empty path is not said', async () => {
    const one = client.publish('a', { data: {} })
    await sent()
    const refusal = { index: 0, code: 'invalid_data', path: '', message: 'expected an object' } as const
    TestSocket.last.receive({ type: 'ack', seq: 1, at: [], rejected: [refusal] })
    await expect(one).rejects.toMatchObject({ message: 'expected an object', path: '' })
  })

  test('C-FATE-2 some refused - the call resolves with the others', async () => {
    const some = client.publish('a', [{ data: {} }, { data: {} }])
    const frames = client.publish(
      'b',
      Array.from({ length: 1_001 }, () => ({ data: {} })),
    )
    await sent()
    TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'], rejected: [no(1)] })
    TestSocket.last.receive({ type: 'ack', seq: 2, at: ['0@e/2-0.0'] })
    TestSocket.last.receive({ type: 'reject', seq: 3, code: 'conflict', message: 'Used.' })
    expect(await some).toEqual({ at: ['0@e/1-0.0'], rejected: [no(1)], duplicate: false })
    expect(await frames).toMatchObject({ rejected: [{ index: 1_000, code: 'conflict', message: 'Used.' }] })
  })

  test('C-FATE-2 no answer - the call rejects, and its receipt tells of the frames that have one', async () => {
    const frames = client.publish(
      'a',
      Array.from({ length: 1_001 }, () => ({ data: {} })),
    )
    await sent()
    TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'] })
    await client.close({ deadlineMs: 0 })
    await expect(frames).rejects.toMatchObject({ code: 'closed', receipt: { at: ['0@e/1-0.0'] } })
  })
})

describe('errors', () => {
  test('C-ERROR-1 a refused subscription - is told to its listeners and those of the client, and not to the console', async () => {
    const [mine, all] = [vi.fn<(error: TidegateError) => void>(), vi.fn<(error: TidegateError) => void>()]
    const off = client.onError(all)
    client.subscribe('a', () => {}).onError(mine)
    refuse(1)
    expect(mine).toHaveBeenCalledWith(expect.objectContaining({ code: 'unknown_topic' }))
    expect(all).toHaveBeenCalledExactlyOnceWith(mine.mock.calls[0]![0])
    off()
    client.subscribe('a', () => {}).onError(mine)
    refuse(2)
    expect(all).toHaveBeenCalledTimes(1)
    expect(warnings).not.toHaveBeenCalled()
  })

  test('C-ERROR-1 the end of the client - is told once, however many subscriptions there are', () => {
    const all = vi.fn()
    client.onError(all)
    for (const topic of ['a', 'b']) client.subscribe(topic, () => {})
    TestSocket.last.lose(4_500)
    expect(all).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'closed' }))
    expect(warnings).not.toHaveBeenCalled()
  })

  test('C-ERROR-2 nobody hears - the console has a warning with the topic and the reason', () => {
    client.subscribe('a', () => {})
    refuse(1)
    expect(warnings).toHaveBeenCalledExactlyOnceWith(
      'Tidegate: End of the subscription to a: no topic matches a [unknown_topic]',
    )
  })

  test('C-ERROR-2 nobody hears - what ends a granted subscription is warned of although ready was awaited', async () => {
    const subscription = client.subscribe('a', () => {})
    const { ready } = subscription
    TestSocket.last.receive({ type: 'subscribed', sub: 1, positions: {}, recovered: true, onSlow: 'drop-oldest' })
    await ready
    TestSocket.last.receive({ type: 'unsubscribed', sub: 1, code: 'forbidden' })
    expect(warnings).toHaveBeenCalledTimes(1)
  })

  test('C-ERROR-2 somebody hears - by ready, or by the iterator - and there is no warning', async () => {
    const { ready } = client.subscribe('a', () => {})
    const next = client.subscribe('a')[Symbol.asyncIterator]().next()
    refuse(1)
    refuse(2)
    await expect(ready).rejects.toMatchObject({ code: 'unknown_topic' })
    await expect(next).rejects.toMatchObject({ code: 'unknown_topic' })
    expect(warnings).not.toHaveBeenCalled()
  })

  const handles = {
    presence: () => client.presence('a'),
    entity: () => client.entity('a', 'k'),
  }

  test.each(['presence', 'entity'] as const)(
    'C-ERROR-2 %s that is refused - is warned of where it has onChange alone',
    (what) => {
      handles[what]().onChange(() => {})
      refuse(1)
      expect(warnings).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^Tidegate: .* a.*no topic matches a/))
    },
  )

  test.each(['presence', 'entity'] as const)(
    'C-ERROR-2 %s that is refused - is not warned of where ready was asked for, or onError listens',
    async (what) => {
      const { ready } = handles[what]()
      refuse(1)
      await expect(ready).rejects.toThrow()
      const heard = vi.fn()
      handles[what]().onError(heard)
      refuse(2)
      expect(heard).toHaveBeenCalledTimes(1)
      expect(warnings).not.toHaveBeenCalled()
    },
  )

  test('C-ERROR-2 the end of the client - is warned of once', () => {
    for (const topic of ['a', 'b']) client.subscribe(topic, () => {})
    TestSocket.last.lose(4_500)
    expect(warnings).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^Tidegate: .*close code 4500.*\[closed\]$/))
  })

  test('C-ERROR-4 a subscription that nobody reads - is warned of once; one that is read is not', () => {
    const events = Array.from({ length: 100 }, (_, i) => ({
      at: `0@e/${i + 1}-0.0`,
      id: 'e',
      key: 'k',
      time: 1,
      data: 1,
    }))
    client.subscribe('a')
    client.subscribe('b', () => {})
    client
      .subscribe('c')
      [Symbol.asyncIterator]()
      .next()
      .catch(() => {})
    for (const [sub, topic] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ] as const) {
      TestSocket.last.receive({ type: 'batch', parts: [{ sub, topic, lane: 'low', events }] })
    }
    expect(warnings).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('Nobody reads the subscription to a:'))
  })

  test('C-END-2 close - has a deadline of its own', async () => {
    vi.useFakeTimers()
    const lost = expect(client.publish('a', { data: {} })).rejects.toMatchObject({ code: 'closed' })
    await Promise.all([client[Symbol.asyncDispose](), vi.advanceTimersByTimeAsync(5_000)])
    await lost
    vi.useRealTimers()
  })

  test('C-END-2 close - waits as long as it takes where its deadline is further away than a timer can be', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const published = client.publish('a', { data: {} })
    const closed = client.close({ deadlineMs: Number.POSITIVE_INFINITY })
    await vi.advanceTimersByTimeAsync(10_000)
    TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'] })
    await expect(published).resolves.toMatchObject({ rejected: [] })
    await closed
    vi.useRealTimers()
  })

  test('C-ERROR-3 a subscription after the end - fails too', async () => {
    await client.close({ deadlineMs: 0 })
    const heard = vi.fn()
    const subscription = client.subscribe('a', () => {})
    subscription.onError(heard)
    await expect(subscription.ready).rejects.toMatchObject({ code: 'closed' })
    expect(heard).toHaveBeenCalledTimes(1)
  })
})
