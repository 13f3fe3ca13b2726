import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClient, type TidegateError, type TokenContext, type TokenOption } from '../src/index.ts'
import { TestSocket } from './support/test-socket.ts'

beforeEach(() => {
  vi.useFakeTimers()
  // No wait is spread.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A client of nobody, and what its listeners heard. */
function open(token?: TokenOption) {
  TestSocket.opened = []
  const client = createClient({
    url: 'http://gateway',
    connect: true,
    WebSocket: TestSocket,
    ...(token !== undefined && { token }),
  })
  const statuses: string[] = []
  const errors: TidegateError[] = []
  client.onStatus((status) => statuses.push(status))
  client.onTokenError((error) => errors.push(error))
  return { client, statuses, errors }
}

/** A token function that answers when the test says. */
function asked() {
  const calls: (TokenContext & { readonly give: (token: string) => void; readonly fail: (error: unknown) => void })[] =
    []
  const token = (context: TokenContext) =>
    new Promise<string>((give, fail) => void calls.push({ ...context, give, fail }))
  return { token, calls }
}

/** A token function that gives `t1`, `t2` ... */
function counting() {
  const contexts: TokenContext[] = []
  return { contexts, token: (context: TokenContext) => `t${contexts.push(context)}` }
}

const hello = () => TestSocket.last.ofType('hello')[0]
const shown = () => TestSocket.opened.flatMap((socket) => socket.ofType('token').map(({ token }) => token))

describe('a token', () => {
  test('C-TOKEN-1 hello - has it on every connection, and nothing else shows it', async () => {
    const { client, errors } = open('secret.to.ken')
    TestSocket.last.greet()
    expect(hello()!.token).toBe('secret.to.ken')
    TestSocket.last.lose()
    await pass(100)
    TestSocket.last.greet()
    expect(TestSocket.opened).toHaveLength(2)
    expect(hello()!.token).toBe('secret.to.ken')
    const publish = client.publish('a', { data: {} }).catch((error: unknown) => error)
    TestSocket.last.refuse('The token is not valid here.')
    const all = [client, await publish, ...errors]
    for (const each of all) expect(inspect(each, { depth: null, showHidden: true })).not.toContain('secret')
    expect(JSON.stringify(client)).not.toContain('secret')
  })

  test('C-TOKEN-4 renewal - there is none for a token that never changes', async () => {
    open('t')
    TestSocket.last.greet({ expiresInMs: 1_500, pingMs: 1e6 })
    await pass(10_000)
    expect(shown()).toEqual([])
    expect(TestSocket.opened).toHaveLength(1)
  })

  test.each([undefined, 't'])('C-TOKEN-6 refused %s - everything ends, and is told what to do', async (token) => {
    const { client, statuses } = open(token)
    const started = [
      client.publish('a', { data: {} }),
      client.command('user', '1', 'rename', {}),
      client.query('topics'),
      client.subscribe('a').ready,
    ]
    const outstanding = Promise.allSettled(started)
    TestSocket.last.onopen!()
    TestSocket.last.refuse('The token has expired.')
    const later = await Promise.allSettled([
      client.publish('a', { data: {} }),
      client.command('user', '1', 'rename', {}),
      client.query('topics'),
      client.subscribe('a').ready,
    ])
    for (const each of [...(await outstanding), ...later]) {
      const { reason } = each as PromiseRejectedResult
      expect(reason).toMatchObject({ name: 'TidegateError', code: 'unauthorized', retryable: false })
      expect(reason.message).toMatch(/^The token has expired\. .*valid `token`, or give a function/)
    }
    await pass(60_000)
    expect(TestSocket.opened).toHaveLength(1)
    expect(statuses).toEqual(['closed'])
  })

  test.each(['', 'two words', 'line\n', 'ü', 'x'.repeat(8_193), 7 as never])(
    'C-TOKEN-7 text %j - is no token: it is not sent, and not shown',
    async (text) => {
      const invalid = expect.objectContaining({ code: 'invalid_token' })
      expect(() => open(text)).toThrow(invalid)
      const { client, errors } = open(() => text)
      await pass(0)
      expect(TestSocket.opened).toEqual([])
      expect(errors).toEqual([expect.objectContaining({ code: 'no_token', cause: invalid })])
      if (text !== '' && text !== (7 as never)) expect(inspect(errors, { depth: null })).not.toContain(text)
      await client.close({ deadlineMs: 0 })
    },
  )

  test('C-TOKEN-8 forbidden - is final, for a command and for an event', async () => {
    const { client } = open('t')
    TestSocket.last.greet()
    const receipt = client.publish('a', [{ data: {} }, { data: {} }])
    const command = client.command('user', '1', 'rename', {}).catch((error: unknown) => error)
    const rejected = [{ index: 1, code: 'forbidden' as const, message: 'No.' }]
    await pass(0)
    TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'], rejected })
    const { id } = TestSocket.last.ofType('command')[0] as { id: string }
    TestSocket.last.receive({ type: 'answer', id, status: 'rejected', code: 'forbidden', message: 'No.' })
    expect(await receipt).toMatchObject({ rejected })
    expect(await command).toMatchObject({ name: 'TidegateError', code: 'forbidden', retryable: false, commandId: id })
    await pass(5_000)
    expect(TestSocket.last.sent.map(({ type }) => type)).toEqual(['hello', 'command', 'publish'])
    await client.close({ deadlineMs: 0 })
  })
})

describe('a token function', () => {
  test('C-TOKEN-2 first connection - is made when there is a token, later ones with the same', async () => {
    const { token, calls } = asked()
    const { client, statuses } = open(token)
    await pass(5_000)
    expect([client.status.get().state, TestSocket.opened.length]).toEqual(['connecting', 0])
    expect(calls).toMatchObject([{ reason: 'connect', attempt: 1 }])
    calls[0]!.give('first')
    await pass(0)
    TestSocket.last.greet()
    expect(hello()!.token).toBe('first')
    for (let round = 0; round < 3; round++) {
      TestSocket.last.lose()
      await pass(1_000)
      TestSocket.last.greet()
      expect(hello()!.token).toBe('first')
    }
    expect(calls).toHaveLength(1)
    expect(statuses).toEqual(['online', ...Array(3).fill(['offline', 'connecting', 'online']).flat()])
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-2 call under way - also serves the next connection', async () => {
    const { token, calls } = asked()
    const { client } = open(token)
    await pass(0)
    calls[0]!.give('first')
    await pass(0)
    TestSocket.last.greet({ expiresInMs: 8_000 })
    await pass(6_000)
    expect(calls[1]).toMatchObject({ reason: 'expiring', attempt: 1 })
    TestSocket.last.refuse('The token has expired.')
    await pass(1_000)
    expect([client.status.get().state, TestSocket.opened.length, calls.length]).toEqual(['connecting', 1, 2])
    calls[1]!.give('second')
    await pass(0)
    TestSocket.last.greet()
    expect(hello()!.token).toBe('second')
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-2 token that expires soon - is not shown to the next gateway', async () => {
    const { token, contexts } = counting()
    const { client } = open(token)
    await pass(0)
    TestSocket.last.greet({ expiresInMs: 2_000 })
    TestSocket.last.receive({ type: 'drain', reconnectInMs: 0, deadlineMs: 0, reason: 'deploy' })
    await pass(0)
    TestSocket.last.lose()
    expect(client.status.get().state).toBe('offline')
    // A machine that slept: its clock moved on, its timers did not.
    const { now } = performance
    vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 1_999)
    await pass(100)
    TestSocket.last.greet()
    expect(contexts).toMatchObject([{ reason: 'connect' }, { reason: 'expiring', attempt: 1 }])
    expect(hello()!.token).toBe('t2')
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-3 failure - is reported and the function asked again, after growing waits', async () => {
    const failures: (() => Promise<string> | string)[] = [
      () => {
        throw new Error('no network')
      },
      () => Promise.reject('not even an error'),
      () => 'good',
    ]
    const attempts: number[] = []
    const { client, statuses, errors } = open(({ attempt }) => {
      attempts.push(attempt)
      return failures[attempt - 1]!()
    })
    await pass(0)
    const message = 'The token function gave no token. (Error: no network)'
    expect(errors).toMatchObject([{ code: 'no_token', message, cause: { message: 'no network' } }])
    await pass(49)
    expect(attempts).toEqual([1])
    await pass(1)
    expect(errors.map(({ cause }) => cause)).toMatchObject([{ message: 'no network' }, 'not even an error'])
    await pass(99)
    expect(attempts).toEqual([1, 2])
    await pass(1)
    TestSocket.last.greet()
    expect(hello()!.token).toBe('good')
    expect(statuses).toEqual(['offline', 'connecting', 'offline', 'connecting', 'online'])
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-3 silence - is a failure after 10 s; an answer after that is none', async () => {
    const { token, calls } = asked()
    const { client, errors } = open(token)
    await pass(9_999)
    expect([errors.length, calls[0]!.signal.aborted]).toEqual([0, false])
    await pass(51)
    const message = 'The token function gave no token. (silent for 10 s)'
    expect(errors).toMatchObject([{ code: 'no_token', message, cause: undefined }])
    expect(calls[0]!.signal.aborted).toBe(true)
    expect(calls[1]).toMatchObject({ reason: 'connect', attempt: 2 })
    calls[0]!.give('late')
    await pass(0)
    expect(TestSocket.opened).toEqual([])
    await client.close({ deadlineMs: 0 })
    expect(calls[1]!.signal.aborted).toBe(true)
    calls[1]!.give('later')
    await pass(0)
    expect(TestSocket.opened).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    expect(errors).toHaveLength(1)
  })

  test('C-TOKEN-4 renewal - shows the next token before this one expires, and everything goes on', async () => {
    const { token, contexts } = counting()
    const { client, statuses } = open(token)
    await pass(0)
    TestSocket.last.greet({ expiresInMs: 60_000, pingMs: 1e6 })
    const user = client.entity('user', '7')
    const states: unknown[] = []
    user.onChange(({ version }) => states.push(version))
    const { sub } = TestSocket.last.ofType('subscribe')[0] as { sub: number }
    // A quarter before the end, and of that a quarter more: half of the spread.
    await pass(41_249)
    expect(contexts).toHaveLength(1)
    await pass(1)
    expect(contexts[1]).toMatchObject({ reason: 'expiring', attempt: 1 })
    expect(shown()).toEqual(['t2'])
    TestSocket.last.receive({ type: 'authorized', expiresInMs: 4_000 })
    const receipt = client.publish('a', { data: {} })
    const command = client.command('user', '7', 'rename', {})
    const query = client.query('topics')
    await pass(2_750)
    expect(shown()).toEqual(['t2', 't3'])
    TestSocket.last.receive({ type: 'authorized', expiresInMs: 60_000 })
    TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'] })
    const { id } = TestSocket.last.ofType('command')[0] as { id: string }
    TestSocket.last.receive({ type: 'answer', id, status: 'done', version: 1, epoch: 'e', events: [] })
    const asked = TestSocket.last.ofType('query')[0] as { id: number }
    TestSocket.last.receive({ type: 'result', id: asked.id, data: 1 })
    const event = { at: '0@e/1-0.0', id: 'e1', key: '7', time: 1, data: { version: 1, state: {} } }
    TestSocket.last.receive({ type: 'batch', parts: [{ sub, topic: 'user.state', lane: 'low', events: [event] }] })
    await Promise.all([receipt, command, query])
    expect(states).toEqual([1])
    expect(TestSocket.opened).toHaveLength(1)
    expect(statuses).toEqual(['online'])
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-4 renewal - that fails, or is not answered, is tried again on the same connection', async () => {
    const { token, calls } = asked()
    const { client, errors } = open(token)
    await pass(0)
    calls[0]!.give('first')
    await pass(0)
    TestSocket.last.greet({ expiresInMs: 60_000, pingMs: 1e6 })
    await pass(41_250)
    calls[1]!.fail(new Error('no network'))
    await pass(1_000)
    expect(errors).toMatchObject([{ code: 'no_token' }])
    expect(calls[2]).toMatchObject({ reason: 'expiring', attempt: 2 })
    calls[2]!.give('second')
    await pass(9_999)
    expect([shown(), calls.length]).toEqual([['second'], 3])
    await pass(1)
    expect(calls[3]).toMatchObject({ reason: 'expiring', attempt: 3 })
    expect(client.status.get().state).toBe('online')
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-4 function that gives the same token again - is asked once a second while that expires', async () => {
    let calls = 0
    const { client } = open(() => {
      calls++
      return 'cached'
    })
    await pass(0)
    const endsAt = performance.now() + 8_000
    TestSocket.last.greet({ expiresInMs: 8_000, pingMs: 1e6 })
    for (let at = 0; at < 79; at++) {
      const before = shown().length
      await pass(100)
      if (shown().length > before) {
        TestSocket.last.receive({ type: 'authorized', expiresInMs: endsAt - performance.now() })
      }
    }
    expect(calls).toBeGreaterThan(2)
    expect(calls).toBeLessThan(9)
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-5 refused - another token is asked for, and shown on the next connection', async () => {
    const { token, contexts } = counting()
    const { client, statuses, errors } = open(token)
    await pass(0)
    TestSocket.last.greet({ pingMs: 1e6 })
    const receipt = client.publish('a', { data: {} })
    await pass(6_000)
    TestSocket.last.refuse('The token was revoked.')
    expect(errors).toMatchObject([{ code: 'unauthorized' }])
    expect(errors[0]!.message).toBe('The token was revoked. Another one is asked for.')
    await pass(50)
    expect(contexts[1]).toMatchObject({ reason: 'refused', attempt: 1 })
    TestSocket.last.greet()
    expect(hello()!.token).toBe('t2')
    TestSocket.last.receive({ type: 'ack', seq: 1, at: ['0@e/1-0.0'] })
    await receipt
    expect(statuses).toEqual(['connecting', 'online', 'offline', 'connecting', 'online'].slice(1))
    await client.close({ deadlineMs: 0 })
  })

  test('C-TOKEN-5 refused again and again - the function is asked ever less often, and goes on being asked', async () => {
    const { token, contexts } = counting()
    const { client, errors } = open(token)
    const times: number[] = []
    for (let round = 0; round < 12; round++) {
      for (const opened = TestSocket.opened.length; TestSocket.opened.length === opened; ) await pass(25)
      times.push(performance.now())
      TestSocket.last.onopen!()
      TestSocket.last.refuse('The token is not valid here.')
    }
    const waits = times.slice(1).map((time, index) => time - times[index]!)
    expect(waits).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000])
    expect(contexts.map(({ reason }) => reason)).toEqual(['connect', ...Array(11).fill('refused')])
    expect(contexts.map(({ attempt }) => attempt)).toEqual(contexts.map((_, index) => index + 1))
    expect(errors).toHaveLength(12)
    await client.close({ deadlineMs: 0 })
  })
})
