import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClient, type TidegateClient } from '../src/index.ts'
import { createTestServer, type TestServer } from '../src/testing/index.ts'

const READING = 'sensor.reading'
const topics = {
  [READING]: { key: 'sensorId' },
  alarm: { key: 'sensorId', priority: 'high' },
  'sensor.10s': { isResult: true },
} as const

let server: TestServer
let client: TidegateClient

beforeEach(() => {
  vi.useFakeTimers()
  server = createTestServer({ topics })
  client = createClient({ url: 'ws://test', WebSocket: server.WebSocket, connect: true })
})
afterEach(async () => {
  const closed = client.close({ deadlineMs: 0 })
  await vi.advanceTimersByTimeAsync(0)
  await closed
  await server.settled()
  vi.useRealTimers()
})

/** Values of a subscription as they come. */
function values(topic: string = READING, options = {}): number[] {
  const seen: number[] = []
  client.subscribe(topic, options, ({ data }) => void seen.push((data as { value: number }).value))
  return seen
}

const reading = (value: number, sensorId = 's-1') => ({ data: { sensorId, value } })
const publish = (value: number) => client.publish(READING, reading(value))

describe('test server', () => {
  test('C-FAKE-4 what a client does can be read, and events come from the side of the server', async () => {
    const seen = values(READING, { keys: ['s-1'] })
    await publish(1)
    server.publish(READING, [reading(2), reading(3, 's-2'), { ...reading(4), id: 'e-4', time: 1_000 }])
    await server.settled()
    expect(seen).toEqual([1, 2, 4])
    expect(server.events(READING).map(({ key, data }) => [key, (data as { value: number }).value])).toEqual([
      ['s-1', 1],
      ['s-1', 2],
      ['s-2', 3],
      ['s-1', 4],
    ])
    expect(server.events().at(-1)).toMatchObject({ id: 'e-4', time: 1_000, lane: 'normal' })
    expect(server.subscriptions).toMatchObject([{ topic: READING, keys: ['s-1'] }])
    expect(server.clients).toMatchObject([{ client: expect.stringMatching(/^tidegate-js/), token: undefined }])
    expect(() => server.publish('sensor.readin', reading(1))).toThrow('Did you mean "sensor.reading"?')
    expect(() => createTestServer({})).toThrow('createTestServer: expected { config } or { topics')
  })

  test('C-FAKE-4 commands are decided by handlers, and their events are the state', async () => {
    const handlers = createTestServer({
      commands: {
        cart: {
          add: (_: unknown, { item }: { item: string }) =>
            item === '' ? { rejected: 'no_item', message: 'Name one.' } : [{ type: 'added', data: { [item]: true } }],
        },
      },
    } as never)
    const own = createClient({ url: 'ws://test', WebSocket: handlers.WebSocket })
    const cart = own.entity('cart', '42')
    await cart.ready
    await expect(cart.command('add', { item: 'tea' })).resolves.toMatchObject({ version: 1 })
    await expect(cart.command('add', { item: '' })).rejects.toMatchObject({ code: 'no_item' })
    await handlers.settled()
    expect(cart.state).toEqual({ version: 1, view: { tea: true } })
    expect(handlers.commands.map(({ command, result }) => [command, result.status])).toEqual([
      ['add', 'done'],
      ['add', 'rejected'],
    ])
    await own.close()
  })

  test('C-FAKE-5 the clock of the server is turned alone, what falls due happens in order', async () => {
    await server.settled()
    const before = client.now()
    server.clock.advance(3_600_000)
    expect(server.clock.now() - Date.now()).toBe(3_600_000)
    // Nobody answered its pings meanwhile.
    await vi.advanceTimersByTimeAsync(1_000)
    await publish(1)
    expect(client.now() - before).toBeGreaterThanOrEqual(3_600_000)
    expect(server.events()[0]!.time - before).toBeGreaterThanOrEqual(3_600_000)
  })

  test('C-FAKE-5 with fake timers both ends keep a quiet connection for hours', async () => {
    const statuses: string[] = []
    await server.settled()
    client.onStatus((status) => void statuses.push(String(status)))
    await vi.advanceTimersByTimeAsync(7_200_000)
    expect(statuses).toEqual([])
    expect(server.clients).toHaveLength(1)
  })

  test('C-FAKE-6 no timer is left when its clients are closed', async () => {
    values()
    server.lag(50)
    const published = publish(1)
    await vi.advanceTimersByTimeAsync(1_000)
    await published
    server.drain({ deadlineMs: 60_000 })
    await vi.advanceTimersByTimeAsync(1_000)
    server.lag(0)
    await client.close()
    await server.settled()
    expect([server.sockets, server.clients.length, vi.getTimerCount()]).toEqual([0, 0, 0])
  })

  test('C-FAKE-1 a changed epoch has what was lost resent, and subscribers are told', async () => {
    const seen = values()
    const gaps: unknown[] = []
    const watched = client.subscribe(READING, { lanes: ['normal'] })
    watched.onGap((gap) => void gaps.push(gap))
    await publish(1)
    await publish(2)
    server.changeEpoch({ lost: 1 })
    await vi.advanceTimersByTimeAsync(1_000)
    await publish(3)
    expect(server.events(READING).map(({ data }) => (data as { value: number }).value)).toEqual([1, 2, 3])
    expect(gaps).toMatchObject([{ reason: 'epoch', count: null, fetchable: false }])
    await server.settled()
    // What was stored again is another event to a subscriber, behind the gap.
    expect(seen).toEqual([1, 2, 2, 3])
    watched.close()
  })

  test('C-FAKE-1 withheld events become a gap, from which they can be fetched', async () => {
    const seen = values()
    const subscription = client.subscribe(READING, () => {})
    const fetched: number[] = []
    subscription.onGap(async (gap) => {
      if (gap.fetchable) for await (const { data } of gap.fetch()) fetched.push((data as { value: number }).value)
    })
    await subscription.ready
    const end = server.withhold(READING)
    for (const value of [1, 2]) await publish(value)
    end()
    await publish(3)
    await server.settled()
    expect([seen, fetched]).toEqual([[3], [1, 2]])
  })

  test('C-FAKE-1 tokens: one that does not count is refused, and the next one is asked for', async () => {
    const tokens = ['old', 'new']
    const secured = createTestServer({
      topics,
      authenticate: (token) => (token === 'new' ? { expiresInMs: 60_000 } : undefined),
    })
    const asked: string[] = []
    const own = createClient({
      url: 'ws://test',
      WebSocket: secured.WebSocket,
      connect: true,
      token: ({ reason }) => {
        asked.push(reason)
        return tokens.shift() ?? 'new'
      },
    })
    own.onTokenError(() => {})
    await vi.advanceTimersByTimeAsync(1_000)
    await own.publish(READING, reading(1))
    expect([asked, secured.clients.map(({ token }) => token)]).toEqual([['connect', 'refused'], ['new']])
    // Between 62 and 75 % of the minute that it counts.
    await vi.advanceTimersByTimeAsync(46_000)
    expect(asked).toEqual(['connect', 'refused', 'expiring'])
    secured.revoke()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked.at(-1)).toBe('refused')
    await own.close()
  })

  test('C-FAKE-1 where a filter is read by a function of the test, and refused without one', async () => {
    await expect(client.subscribe(READING, { where: 'data.value > 1' }).ready).rejects.toMatchObject({
      code: 'unsupported',
    })
    const above = (filter: string) => Number(/^data\.value > (\d+)$/.exec(filter)![1])
    const filtering = createTestServer({
      topics,
      where: (filter) => (event) => (event.data as { value: number }).value > above(filter),
    })
    const own = createClient({ url: 'ws://test', WebSocket: filtering.WebSocket })
    const seen: unknown[] = []
    await own.subscribe(READING, { where: 'data.value > 1' }, ({ data }) => void seen.push(data)).ready
    await own.publish(READING, [reading(1), reading(2)])
    await filtering.settled()
    expect(seen).toEqual([{ sensorId: 's-1', value: 2 }])
    await own.close()
  })
})

test('C-FAKE-2 test server - its bundle is made of itself, the protocol and a few lines of the client', async () => {
  const { metafile } = await build({
    entryPoints: ['client-sdk/src/testing/index.ts'],
    ...{ bundle: true, write: false, metafile: true, format: 'esm', platform: 'browser', logLevel: 'silent' },
  })
  const foreign = Object.keys(metafile.inputs).filter((path) => !/^(client-sdk|protocol)\/src\//.test(path))
  expect(foreign).toEqual([])
  expect(Object.keys(metafile.inputs)).not.toContain('client-sdk/src/client/core.ts')
})

describe('network', () => {
  test('C-NET-1 frames arrive in order after the lag, and an endless one holds them', async () => {
    const seen = values()
    await server.settled()
    server.lag(100)
    const published = Promise.all([publish(1), publish(2)])
    await vi.advanceTimersByTimeAsync(99)
    expect(server.events()).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect([server.events().length, seen]).toEqual([2, []])
    await vi.advanceTimersByTimeAsync(100)
    await published
    expect(seen).toEqual([1, 2])
    server.lag(Number.POSITIVE_INFINITY)
    const held = publish(3)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(server.events()).toHaveLength(2)
    server.lag(0)
    await vi.advanceTimersByTimeAsync(0)
    await held
    await server.settled()
    expect(seen).toEqual([1, 2, 3])
  })

  test('C-NET-2 a cut loses what is on its way, and the client makes up for it', async () => {
    const seen = values()
    await server.settled()
    server.lag(10)
    const published = [publish(1), publish(2)]
    await vi.advanceTimersByTimeAsync(10)
    expect(server.events()).toHaveLength(2)
    server.cut()
    server.publish(READING, reading(3))
    await vi.advanceTimersByTimeAsync(10_000)
    await Promise.all(published)
    expect([server.events().length, seen]).toEqual([3, [1, 2, 3]])
  })

  test('C-NET-2 a cut has the code of the test', async () => {
    await server.settled()
    server.cut({ code: 4_502, reason: 'version' })
    await server.settled()
    await expect(publish(1)).rejects.toMatchObject({ code: 'closed' })
  })

  test('C-NET-3 C-NET-4 refusals: for good, for a while, so many times, for some', async () => {
    await server.settled()
    const end = server.refuse('publish', { code: 'forbidden', when: ({ topic }) => topic === 'alarm' })
    await expect(client.publish('alarm', reading(0))).rejects.toMatchObject({ code: 'forbidden' })
    await publish(1)
    server.refuse('publish', { code: 'storage_full', retryAfterMs: 100, times: 2 })
    const published = Promise.all([2, 3, 4].map(publish))
    await vi.advanceTimersByTimeAsync(5_000)
    await published
    expect(server.events().map(({ data }) => (data as { value: number }).value)).toEqual([1, 2, 3, 4])
    end()
    await client.publish('alarm', reading(5))
    server.refuse('subscribe', { code: 'unknown_topic', times: 1 })
    const refused = client.subscribe(READING, () => {})
    await expect(refused.ready).rejects.toMatchObject({ code: 'unknown_topic' })
    server.refuse('query', { code: 'internal', message: 'Not today.', times: 1 })
    await expect(client.query('topics')).rejects.toMatchObject({ code: 'internal', message: 'Not today.' })
  })

  test('C-NET-6 a refusal for good that was lost with its connection is given again', async () => {
    await server.settled()
    server.lag(10)
    server.refuse('publish', { code: 'forbidden', times: 1 })
    const refused = client.publish('alarm', reading(1)).catch((error: { code: string }) => error.code)
    const published = publish(2)
    await vi.advanceTimersByTimeAsync(15)
    expect(server.events()).toHaveLength(1)
    server.cut()
    await vi.advanceTimersByTimeAsync(10_000)
    await published
    expect([await refused, server.events().length]).toEqual(['forbidden', 1])
  })

  test('C-NET-4 offline, outage and drain: the client waits or moves, and everything arrives', async () => {
    const seen = values()
    await server.settled()
    const online = server.offline()
    const ended = server.outage()
    const published = Promise.all([1, 2].map(publish))
    await vi.advanceTimersByTimeAsync(3_000)
    expect(server.clients).toEqual([])
    online()
    await vi.advanceTimersByTimeAsync(12_000)
    expect([server.clients.length, server.events().length]).toEqual([1, 0])
    ended()
    await vi.advanceTimersByTimeAsync(3_000)
    await published
    server.drain({ reconnectInMs: 50, deadlineMs: 200 })
    await vi.advanceTimersByTimeAsync(1_000)
    await publish(3)
    await server.settled()
    expect([seen, server.clients.length, server.sockets]).toEqual([[1, 2, 3], 1, 1])
  })
})
