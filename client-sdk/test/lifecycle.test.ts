import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ClientStatus, createClient, type TidegateClient } from '../src/index.ts'
import { event, part } from './support/subscription-frames.ts'
import { TestSocket } from './support/test-socket.ts'

const SERVER = { url: 'http://gateway', WebSocket: TestSocket }
let client: TidegateClient
let page: EventTarget & { visibilityState?: string }

beforeEach(() => {
  vi.useFakeTimers()
  TestSocket.opened = []
  page = new EventTarget()
})
afterEach(async () => {
  const closed = client.close({ deadlineMs: 0 })
  await vi.advanceTimersByTimeAsync(1)
  await closed
  // Neither timers nor listeners are left: nobody is asked anything any more.
  expect(vi.getTimerCount()).toBe(0)
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const status = () => client.status.get()
const opened = () => TestSocket.opened.length
/** As a browser has them. */
function stubPage(): void {
  vi.stubGlobal('document', page)
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
}
const happens = (type: string) => page.dispatchEvent(new Event(type))
const questions = () => TestSocket.last.ofType('unsubscribe').length

describe('the first use', () => {
  const uses: readonly (readonly [string, () => unknown])[] = [
    ['subscribe', () => client.subscribe('a')],
    ['publish', () => client.publish('a', { data: {} }).catch(() => {})],
    ['command', () => client.command('user', '1', 'rename', {}).catch(() => {})],
    ['query', () => client.query('topics').catch(() => {})],
    ['presence', () => client.presence('a')],
    ['live entity', () => client.entity('user', '1').onChange(() => {})],
    ['connect', () => client.connect()],
    ['reconnect', () => client.reconnect()],
  ]

  test.each(uses)('C-LAZY-1 %s - opens the connection; before it there is neither a socket nor a timer', (_, use) => {
    const token = vi.fn<() => string>(() => 't')
    client = createClient({ ...SERVER, token })
    client.onError(() => {})
    client.status.subscribe(() => {})
    client.now()
    expect([opened(), vi.getTimerCount(), token.mock.calls.length, status().state]).toEqual([0, 0, 0, 'idle'])
    use()
    expect(status().state).toBe('connecting')
  })

  test('C-STATUS-5 no connection ever - the console says so once, after four attempts', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    client = createClient({ ...SERVER, connect: true })
    const fail = async (times: number) => {
      for (let i = 0; i < times; i++) {
        TestSocket.last.lose()
        await pass(10_000)
      }
    }
    await fail(3)
    expect(warn).not.toHaveBeenCalled()
    await fail(4)
    const text = 'Tidegate: Still trying ws://gateway/v1/ws: There is no connection. (close code 1006)'
    expect(warn.mock.calls).toEqual([[text]])
    warn.mockRestore()
  })

  test('C-STATUS-5 a connection that was there - is lost in silence, however many attempts follow', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    for (let i = 0; i < 9; i++) {
      TestSocket.last.lose()
      await pass(10_000)
    }
    expect(warn).not.toHaveBeenCalled()
    warn.mockRestore()
  })

  test('C-LAZY-2 connect - true opens at once, with false only connect() does', async () => {
    client = createClient({ ...SERVER, connect: true })
    expect(opened()).toBe(1)
    await client.close({ deadlineMs: 0 })
    client = createClient({ ...SERVER, connect: false })
    client.subscribe('a')
    client.publish('a', { data: {} }).catch(() => {})
    expect(opened()).toBe(1)
    const connected = client.connect()
    TestSocket.last.greet()
    await connected
    await pass(0)
    expect(TestSocket.last.sent.map(({ type }) => type)).toEqual(['hello', 'subscribe', 'publish'])
    await client.connect()
  })

  test('C-LAZY-3 connect - rejects with why there will be no connection, or with the reason of its signal', async () => {
    client = createClient(SERVER)
    const ending = new AbortController()
    const [waiting, aborted] = [client.connect(), client.connect({ signal: ending.signal })]
    ending.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    client.onError(() => {})
    TestSocket.last.refuse('No.')
    await expect(waiting).rejects.toMatchObject({ code: 'unauthorized' })
    expect(status()).toMatchObject({ state: 'closed', lastError: { code: 'unauthorized' } })
    await expect(client.connect()).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('C-LAZY-1 no WebSocket - is said by the first use', async () => {
    vi.stubGlobal('WebSocket', undefined)
    client = createClient({ url: SERVER.url })
    expect(() => client.subscribe('a')).toThrow(expect.objectContaining({ code: 'no_websocket' }))
    await expect(client.publish('a', { data: {} })).rejects.toMatchObject({ code: 'no_websocket' })
  })
})

describe('the status', () => {
  test('C-STATUS-2 attempts, the next one, and the last error are those of the connection', async () => {
    client = createClient({ ...SERVER, connect: true })
    const seen: ClientStatus[] = []
    client.status.subscribe((now) => seen.push(now))
    expect(status()).toMatchObject({ state: 'connecting', attempt: 1, nextRetryAt: undefined, lastError: undefined })
    TestSocket.last.onclose!({ code: 1_006, reason: '' })
    const { nextRetryAt } = status()
    expect(status()).toMatchObject({ state: 'offline', attempt: 1, lastError: { code: 'disconnected' } })
    expect(status().lastError!.message).toContain('close code 1006')
    await pass(nextRetryAt! - Date.now())
    expect(status()).toMatchObject({ state: 'connecting', attempt: 2, lastError: { code: 'disconnected' } })
    TestSocket.last.greet()
    expect(status()).toEqual({
      state: 'online',
      attempt: 0,
      nextRetryAt: undefined,
      lastError: undefined,
      lagMs: undefined,
    })
    expect(seen.map(({ state }) => state)).toEqual(['offline', 'connecting', 'online'])
    expect(seen.at(-1)).toBe(status())
  })

  test('C-STATUS-3 its object - is the same until something changes, whatever arrives', async () => {
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    const { get, subscribe } = client.status
    const before = get()
    const calls = vi.fn<() => void>()
    const off = subscribe(calls)
    TestSocket.last.receive({ type: 'ping', time: Date.now() })
    await pass(1_000)
    expect([get() === before, calls.mock.calls.length]).toEqual([true, 0])
    off()
    TestSocket.last.lose()
    expect([get() === before, calls.mock.calls.length]).toEqual([false, 0])
  })

  test('C-STATUS-4 lagMs - is the age of the newest event on arrival, looked at once a second', async () => {
    client = createClient({ ...SERVER, connect: true })
    const heard: unknown[] = []
    client.onStatus((state) => heard.push(state))
    client.subscribe('sensor.reading', () => {})
    TestSocket.last.greet()
    const arrive = (ageMs: number) => {
      const at = `0@e/${Date.now() - ageMs}-0.0`
      TestSocket.last.receive({ type: 'batch', parts: [{ ...part(1), events: [{ ...event(1), at }] }] })
    }
    arrive(5_000)
    expect(status().lagMs).toBe(5_000)
    arrive(40)
    expect(status().lagMs).toBe(5_000)
    await pass(1_000)
    expect(status().lagMs).toBe(40)
    const before = status()
    arrive(60)
    await pass(1_000)
    expect(status()).toBe(before)
    expect(heard).toEqual(['online'])
    TestSocket.last.lose()
    expect(status().lagMs).toBeUndefined()
  })
})

describe('what says that a connection may be possible again', () => {
  test.each(['online', 'visibilitychange', 'pageshow'])(
    'C-PROBE-1 %s - a waiting client connects at once',
    async (type) => {
      stubPage()
      vi.spyOn(Math, 'random').mockReturnValue(0.99)
      client = createClient({ ...SERVER, connect: true })
      for (let i = 0; i < 6; i++) {
        TestSocket.last.lose()
        await pass(10_000)
      }
      TestSocket.last.lose()
      const before = opened()
      happens(type)
      expect([opened(), status().state]).toEqual([before + 1, 'connecting'])
      vi.restoreAllMocks()
    },
  )

  test('C-PROBE-1 a hidden page - probes when it is shown', () => {
    stubPage()
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    page.visibilityState = 'hidden'
    happens('visibilitychange')
    expect(questions()).toBe(0)
    page.visibilityState = 'visible'
    happens('visibilitychange')
    expect(questions()).toBe(1)
  })

  test('C-PROBE-2 an open connection - is asked, and replaced where nothing is heard within 5 s', async () => {
    stubPage()
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    const first = TestSocket.last
    happens('online')
    const code = 'unknown_subscription'
    first.receive({ type: 'error', sub: 0, code, message: 'no subscription 0', retryable: false })
    await pass(6_000)
    expect(first.isLeft).toBe(false)
    happens('online')
    await pass(5_000)
    expect([first.isLeft, status().lastError?.code]).toEqual([true, 'disconnected'])
  })

  test('C-PROBE-1 sleep - is noticed by a clock that went on, on Node too', async () => {
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    await pass(10_000)
    expect(questions()).toBe(0)
    vi.setSystemTime(Date.now() + 3_600_000)
    await pass(5_000)
    expect(questions()).toBe(1)
  })

  test('C-PROBE-3 probes - however many there are, ask once in 5 s, and connect once in a second', async () => {
    stubPage()
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    for (let i = 0; i < 40; i++) {
      happens('online')
      await pass(100)
    }
    expect(questions()).toBe(1)
    TestSocket.last.lose()
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const before = opened()
    for (let i = 0; i < 20; i++) {
      happens('online')
      if (!TestSocket.last.isLeft) TestSocket.last.lose()
      await pass(100)
    }
    vi.restoreAllMocks()
    // Two by probes, the others after their wait.
    expect(opened() - before).toBeLessThanOrEqual(2 + 5)
  })

  test('C-PROBE-4 a wait that the server asked for - is kept by probes, and not by reconnect()', async () => {
    stubPage()
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    TestSocket.last.onclose!({ code: 4_008, reason: '{"retryAfterMs":60000}' })
    happens('online')
    expect([opened(), status().nextRetryAt! - Date.now()]).toEqual([1, 60_000])
    client.reconnect()
    expect(opened()).toBe(2)
  })

  test('C-RECONNECT-1 reconnect - replaces an open connection at once; a call under way stays pending', async () => {
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    const first = TestSocket.last
    const published = client.publish('a', { data: {} })
    await pass(0)
    client.reconnect()
    expect([first.isLeft, opened(), status().state]).toEqual([true, 2, 'connecting'])
    TestSocket.last.greet()
    expect(TestSocket.last.ofType('publish')).toHaveLength(1)
    TestSocket.last.receive({ type: 'ack', seq: 1, at: [] })
    await published
  })

  test('C-PROBE-5 close - leaves no listener', async () => {
    stubPage()
    const [added, removed] = [vi.spyOn(page, 'addEventListener'), vi.spyOn(page, 'removeEventListener')]
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
    client = createClient({ ...SERVER, connect: true })
    await client.close({ deadlineMs: 0 })
    expect([added.mock.calls.length, removed.mock.calls]).toEqual([3, added.mock.calls])
  })
})

describe('signals and disposal', () => {
  const REASON = new Error('The page was left.')
  const open = () => {
    client = createClient({ ...SERVER, connect: true })
    TestSocket.last.greet()
    return new AbortController()
  }

  test('C-ABORT-2 query - rejects with the reason; an answer that comes later is none', async () => {
    const abort = open()
    const asked = [
      client.query('topics', {}, { signal: abort.signal }),
      client.entity('user', '1').get({ signal: abort.signal }),
      client
        .findEntities('user', 'name' as never, 'ann', { signal: abort.signal })
        [Symbol.asyncIterator]()
        .next(),
      client.entity('user', '1').history({ signal: abort.signal })[Symbol.asyncIterator]().next(),
    ]
    for (const asking of asked) asking.catch(() => {})
    await pass(0)
    expect(JSON.stringify(TestSocket.last.ofType('query'))).not.toContain('signal')
    abort.abort(REASON)
    for (const asking of asked) await expect(asking).rejects.toBe(REASON)
    TestSocket.last.receive({ type: 'result', id: 1, data: [] })
    await expect(client.query('topics', {}, { signal: abort.signal })).rejects.toBe(REASON)
    expect(TestSocket.last.ofType('query')).toHaveLength(4)
  })

  test('C-ABORT-3 command - one that was never sent is taken back, unless somebody else waits for it', async () => {
    client = createClient({ ...SERVER, connect: true })
    const abort = new AbortController()
    const command = (id: string, signal?: AbortSignal) =>
      client.command('user', '1', 'rename', {}, { id, ...(signal && { signal }) })
    const [alone, shared, other] = [command('c-1', abort.signal), command('c-2', abort.signal), command('c-2')]
    abort.abort(REASON)
    await expect(alone).rejects.toBe(REASON)
    await expect(shared).rejects.toBe(REASON)
    TestSocket.last.greet()
    expect(TestSocket.last.ofType('command').map(({ id }) => id)).toEqual(['c-2'])
    TestSocket.last.receive({ type: 'answer', id: 'c-2', status: 'done', version: 1, epoch: 'e', events: [] })
    expect(await other).toMatchObject({ version: 1 })
  })

  test('C-ABORT-4 subscribe - is closed, its iterator ends, and the signal keeps no listener', async () => {
    const abort = open()
    const removed = vi.spyOn(abort.signal, 'removeEventListener')
    client.subscribe('b', { signal: abort.signal }).close()
    expect(removed).toHaveBeenCalledTimes(1)
    const subscription = client.subscribe('a', { signal: abort.signal })
    const read = (async () => {
      for await (const _ of subscription);
      return 'ended'
    })()
    await pass(0)
    abort.abort(REASON)
    expect(await read).toBe('ended')
    expect(TestSocket.last.ofType('unsubscribe').map(({ sub }) => sub)).toEqual([1, 2])
    expect(JSON.stringify(TestSocket.last.ofType('subscribe'))).not.toContain('signal')
    const late = client.subscribe('a', { signal: abort.signal })
    await expect(late.ready).rejects.toMatchObject({ code: 'closed' })
    const presence = client.presence('a', { signal: abort.signal })
    await expect(presence.ready).rejects.toMatchObject({ code: 'closed' })
  })

  test('C-DISPOSE-1 using - closes subscriptions and handles', () => {
    open()
    {
      using _subscription = client.subscribe('a')
      using _presence = client.presence('b')
      using entity = client.entity('user', '1')
      entity.onChange(() => {})
    }
    expect(TestSocket.last.ofType('unsubscribe').map(({ sub }) => sub)).toEqual([3, 2, 1])
  })
})
