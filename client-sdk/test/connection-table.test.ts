import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { step } from '../src/connection/machine/machine.ts'
import { STATUS, type State, type StateKind, TIMERS } from '../src/connection/machine/state.ts'
import { tokenTaken } from '../src/connection/machine/token.ts'
import { FIXED, type TokenState, UNASKED } from '../src/connection/machine/token-state.ts'
import { EVENTS, type EventName, inWords, STATES } from './support/connection-samples.ts'

const SURROUNDINGS = { now: 1_000, wallTime: 5, random: 0.5 }
/** Half of 100 ms doubled three times. */
const BACKOFF = 'arm retry 400'
/** A quarter of half a minute, and half of the spread more. */
const RENEWAL = 'arm renew 20625'
/** Half of 100 ms doubled once: one call was made. */
const RENEW_AGAIN = 'arm renew 100'

/** The next state, and what is done. Every cell that is not written here changes nothing and does nothing. */
const EXPECTED: Readonly<Record<StateKind, Readonly<Partial<Record<EventName, string>>>>> = {
  idle: {
    start: 'connecting: open 3, arm silence 10000',
    close: 'closed: disarm, closed by application',
  },
  authorizing: {
    token_ready: 'connecting: open 3, arm silence 10000',
    token_failed: `waiting: disarm, ${BACKOFF}, offline`,
    close: 'closed: disarm, closed by application',
  },
  connecting: {
    opened: 'connecting: greet 1',
    welcomed: 'online: arm silence 100, arm renew 2147483647, online',
    drained: 'waiting: disarm, close 1, arm retry 60, offline',
    authorized: 'connecting: arm silence 10000',
    received: 'connecting: arm silence 10000, frame ack',
    'received batch': 'connecting: arm silence 10000, frame batch',
    'received ping': 'connecting: arm silence 10000, send pong on 1',
    garbled: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    lost: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    'lost with advice': 'waiting: disarm, close 1, arm retry 250, offline',
    'lost for a token': `waiting: disarm, close 1, ${BACKOFF}, offline, refused`,
    'lost for good': 'closed: disarm, close 1, closed by server',
    silence_due: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    reconnect: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    close: 'closed: disarm, close 1, closed by application',
  },
  online: {
    welcomed: 'online: arm silence 250',
    drained: 'draining: arm silence 250, arm drain 60',
    authorized: `online: arm silence 250, ${RENEWAL}`,
    received: 'online: arm silence 250, frame ack',
    'received batch': 'online: arm silence 250, frame batch',
    'received ping': 'online: arm silence 250, send pong on 1',
    garbled: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    lost: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    'lost with advice': 'waiting: disarm, close 1, arm retry 250, offline',
    'lost for a token': `waiting: disarm, close 1, ${BACKOFF}, offline, refused`,
    'lost for good': 'closed: disarm, close 1, closed by server',
    renew_due: 'online: ask expiring 2',
    token_ready: 'online: show 1, arm renew 10000',
    token_failed: `online: ${RENEW_AGAIN}`,
    silence_due: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    reconnect: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    reconnect_now: 'connecting: disarm, close 1, offline, open 3, arm silence 10000',
    probe: 'online: send unsubscribe on 1, arm silence 250',
    close: 'closed: disarm, close 1, closed by application',
  },
  draining: {
    welcomed: 'draining: arm silence 250',
    drained: 'draining: arm silence 250, arm drain 60',
    authorized: `draining: arm silence 250, ${RENEWAL}`,
    received: 'draining: arm silence 250, frame ack',
    'received batch': 'draining: arm silence 250, frame batch',
    'received ping': 'draining: arm silence 250, send pong on 1',
    garbled: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    lost: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    'lost with advice': 'waiting: disarm, close 1, arm retry 250, offline',
    'lost for a token': `waiting: disarm, close 1, ${BACKOFF}, offline, refused`,
    'lost for good': 'closed: disarm, close 1, closed by server',
    drain_due: 'replacing: leaving, open 3',
    renew_due: 'draining: ask expiring 2',
    token_ready: 'draining: show 1, arm renew 10000',
    token_failed: `draining: ${RENEW_AGAIN}`,
    silence_due: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    reconnect: `waiting: disarm, close 1, ${BACKOFF}, offline`,
    reconnect_now: 'connecting: disarm, close 1, offline, open 3, arm silence 10000',
    probe: 'draining: send unsubscribe on 1, arm silence 250',
    close: 'closed: disarm, close 1, closed by application',
  },
  replacing: {
    welcomed: 'replacing: arm silence 250',
    drained: 'replacing: arm silence 250',
    authorized: `replacing: arm silence 250, ${RENEWAL}`,
    received: 'replacing: arm silence 250, frame ack',
    'received batch': 'replacing: arm silence 250, frame batch',
    'received ping': 'replacing: arm silence 250, send pong on 1',
    garbled: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    lost: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    'lost with advice': 'waiting: disarm, close 1, close 2, arm retry 250, offline',
    'lost for a token': `waiting: disarm, close 1, close 2, ${BACKOFF}, offline, refused`,
    'lost for good': 'closed: disarm, close 1, close 2, closed by server',
    'other opened': 'replacing: greet 2',
    'other welcomed': 'handing_over: offline, arm silence 100, arm renew 2147483647, online',
    'other lost': `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    'other lost for a token': `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    'other lost for good': `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    renew_due: 'replacing: ask expiring 2',
    token_ready: 'replacing: show 1, arm renew 10000',
    token_failed: `replacing: ${RENEW_AGAIN}`,
    silence_due: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    reconnect: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    reconnect_now: 'connecting: disarm, close 1, close 2, offline, open 3, arm silence 10000',
    probe: 'replacing: send unsubscribe on 1, arm silence 250',
    close: 'closed: disarm, close 1, close 2, closed by application',
  },
  handing_over: {
    welcomed: 'handing_over: arm silence 250',
    drained: 'draining: close 2, arm silence 250, arm drain 60',
    authorized: `handing_over: arm silence 250, ${RENEWAL}`,
    received: 'handing_over: arm silence 250, frame ack',
    'received batch': 'handing_over: arm silence 250, frame batch',
    'received ping': 'handing_over: arm silence 250, send pong on 1',
    garbled: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    lost: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    'lost with advice': 'waiting: disarm, close 1, close 2, arm retry 250, offline',
    'lost for a token': `waiting: disarm, close 1, close 2, ${BACKOFF}, offline, refused`,
    'lost for good': 'closed: disarm, close 1, close 2, closed by server',
    'other received batch': 'handing_over: frame batch',
    'other lost': 'online',
    'other lost for a token': 'online',
    'other lost for good': 'online',
    renew_due: 'handing_over: ask expiring 2',
    token_ready: 'handing_over: show 1, arm renew 10000',
    token_failed: `handing_over: ${RENEW_AGAIN}`,
    silence_due: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    reconnect: `waiting: disarm, close 1, close 2, ${BACKOFF}, offline`,
    reconnect_now: 'connecting: disarm, close 1, close 2, offline, open 3, arm silence 10000',
    probe: 'handing_over: send unsubscribe on 1, arm silence 250',
    resumed: 'online: close 2',
    close: 'closed: disarm, close 1, close 2, closed by application',
  },
  waiting: {
    retry_due: 'connecting: open 3, arm silence 10000',
    reconnect_now: 'connecting: disarm, offline, open 3, arm silence 10000',
    probe: 'connecting: disarm, offline, open 3, arm silence 10000',
    token_ready: 'waiting',
    close: 'closed: disarm, closed by application',
  },
  closed: {},
}

const KINDS = Object.keys(STATES) as StateKind[]
const NAMES = Object.keys(EVENTS) as EventName[]

function answer(kind: StateKind, name: EventName): string | undefined {
  const before = STATES[kind]
  const { state, effects } = step(before, EVENTS[name], SURROUNDINGS)
  if (state === before && effects.length === 0) return undefined
  return effects.length === 0 ? state.kind : `${state.kind}: ${effects.map(inWords).join(', ')}`
}

describe.each(KINDS)('connection %s', (kind) => {
  test.each(NAMES)('C-STATE-1 C-STATE-2 %s - is answered as the table says', (name) => {
    expect(answer(kind, name)).toBe(EXPECTED[kind][name])
  })
})

/** The cells of the rows of SPEC.md under the header that begins so. */
function specTable(firstHeader: string): string[][] {
  const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8')
  const table = spec.split('\n\n').find((paragraph) => paragraph.startsWith(`| ${firstHeader} |`))!
  const rows = table.split('\n').map((row) => row.split('|').slice(1, -1))
  return rows.map((cells) => cells.map((cell) => cell.replaceAll('`', '').trim())).filter((_, index) => index !== 1)
}

describe('SPEC.md', () => {
  test('C-STATE-1 states - have the status, sockets and timers that it says', () => {
    const said = specTable('state').slice(1)
    const rows = KINDS.map((kind) => [
      kind,
      STATUS[kind],
      `${STATES[kind].sockets.length || ''}`,
      TIMERS[kind].join(', '),
    ])
    expect(said.map((cells) => cells.slice(0, 4))).toEqual(rows)
  })

  test('C-STATE-1 events - lead to the states that it says, and none is missing', () => {
    const [[, ...kinds], ...rows] = specTable('event') as [string[], ...string[][]]
    expect(kinds).toEqual(KINDS)
    const named = new Set(rows.map(([name]) => EVENTS[name as EventName].kind))
    expect([...named].sort()).toEqual([...new Set(Object.values(EVENTS).map(({ kind }) => kind))].sort())
    const next = (name: EventName, kind: StateKind) => answer(kind, name)?.split(':')[0] ?? ''
    const expected = rows.map(([name]) => [name, ...KINDS.map((kind) => next(name as EventName, kind))])
    expect(rows).toEqual(expected)
  })
})

describe('tokens', () => {
  test('C-TOKEN-2 attempt - waits for a token when there is none, and when the one there is expires soon', () => {
    const attempt = (kind: 'idle' | 'waiting', token: TokenState) => {
      const before = { ...STATES[kind], memory: { ...STATES[kind].memory, token } }
      const { state, effects } = step(before, EVENTS[kind === 'idle' ? 'start' : 'retry_due'], SURROUNDINGS)
      return `${state.kind}: ${effects.map(inWords).join(', ')}`
    }
    expect(attempt('idle', UNASKED)).toBe('authorizing: ask connect 2')
    expect(attempt('waiting', { kind: 'needed', reason: 'refused' })).toBe('authorizing: ask refused 2')
    expect(attempt('waiting', { kind: 'held', renewAt: 1_000 })).toBe('authorizing: ask expiring 2')
    expect(attempt('waiting', { kind: 'held', renewAt: 1_001 })).toBe('connecting: open 3, arm silence 10000')
    expect(attempt('waiting', FIXED)).toBe('connecting: open 3, arm silence 10000')
  })

  test.each(['connecting', 'online', 'draining', 'replacing', 'handing_over'] as const)(
    'C-TOKEN-6 %s - lost for a token, it is closed for good where no function gives another',
    (kind) => {
      const before = { ...STATES[kind], memory: { ...STATES[kind].memory, token: FIXED } } as State
      const { state, effects } = step(before, EVENTS['lost for a token'], SURROUNDINGS)
      expect([state.kind, effects.at(-1)]).toMatchObject(['closed', { kind: 'closed', ending: { code: 4_401 } }])
    },
  )

  test.each([
    [2_000, 1_250, 1_500],
    [60_000, 37_500, 45_000],
    [3_600_000, 3_555_000, 3_570_000],
    [300, 1_000, 1_000],
    [undefined, 2 ** 31 - 1, 2 ** 31 - 1],
    [90 * 86_400_000, 2 ** 31 - 1, 2 ** 31 - 1],
  ])('C-TOKEN-4 a token for %s ms - is renewed after %d to %d ms', (expiresInMs, earliest, latest) => {
    const { memory } = STATES.online
    const renewal = (random: number) => tokenTaken(memory, expiresInMs, { ...SURROUNDINGS, random })
    expect(renewal(0).effects).toEqual([{ kind: 'arm', timer: 'renew', ms: latest }])
    expect(renewal(0).memory).toMatchObject({ token: { kind: 'held', renewAt: 1_000 + latest }, asks: 0 })
    const { ms } = renewal(1 - 2 ** -40).effects[0] as { ms: number }
    expect(ms).toBeCloseTo(earliest, 3)
  })
})
