import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Connection, type ConnectionEvents } from '../src/connection/connection.ts'
import { CONNECTION_CHECKS } from '../src/frames/server-frame.ts'
import { TestSocket } from './support/test-socket.ts'

/** Of a gateway that pings often. */
const OFTEN = { pingMs: 40 }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** A connection to nobody, by a clock and a chance of its own, and what it told. */
function open(events: Partial<ConnectionEvents> = {}, surroundings = { now: 0, wallTime: 0, random: 0.5 }) {
  TestSocket.opened = []
  const told: string[] = []
  const connection = new Connection(
    { url: 'ws://gateway/v1/ws', WebSocket: TestSocket, windowBytes: 65_536, checks: CONNECTION_CHECKS },
    {
      online: () => told.push('online'),
      time: () => {},
      hello: () => ({}),
      leaving: () => told.push('leaving'),
      offline: () => told.push('offline'),
      frame: (frame) => told.push(frame.type),
      tokenError: ({ code }) => told.push(code),
      closed: ({ code }) => told.push(code),
      ...events,
    },
    () => surroundings,
  )
  connection.status.subscribe(({ state }) => told.push(`status ${state}`))
  connection.open()
  return { connection, told, surroundings }
}

test('C-STATE-4 driver - an event that arises while another one is handled waits for its end', () => {
  const { connection, told } = open({
    online: () => {
      told.push('online')
      connection.reconnect()
      told.push(connection.status.get().state)
    },
  })
  TestSocket.last.greet(OFTEN)
  expect(told).toEqual(['status connecting', 'online', 'online', 'status online', 'offline', 'status offline'])
})

test('C-STATE-4 driver - an error thrown by the client ends one event, not the connection', () => {
  const { connection, told } = open({
    frame: () => {
      throw new Error('no')
    },
  })
  TestSocket.last.greet(OFTEN)
  expect(() => TestSocket.last.receive({ type: 'ack', seq: 1, at: [] })).toThrow('no')
  connection.close()
  expect(told.slice(-2)).toEqual(['closed', 'status closed'])
})

test('C-BACKOFF-1 driver - waits by the clock and the chance that it is given', () => {
  const { surroundings } = open()
  const waits: number[] = []
  for (const livedMs of [0, 0, 4_999, 5_000]) {
    TestSocket.last.greet(OFTEN)
    surroundings.now += livedMs
    TestSocket.last.lose()
    const opened = TestSocket.opened.length
    let waitMs = 0
    for (; TestSocket.opened.length === opened; waitMs++) vi.advanceTimersByTime(1)
    waits.push(waitMs)
  }
  expect(waits).toEqual([50, 100, 200, 50])
})

test('C-SILENCE-1 driver - a frame puts the end of the silence off without setting a timer', () => {
  const { told, connection } = open()
  TestSocket.last.greet(OFTEN)
  vi.advanceTimersByTime(60)
  const set = vi.spyOn(globalThis, 'setTimeout')
  for (let i = 0; i < 100; i++) TestSocket.last.receive({ type: 'ack', seq: 1, at: [] })
  expect(set).not.toHaveBeenCalled()
  vi.advanceTimersByTime(99)
  expect(told).not.toContain('offline')
  vi.advanceTimersByTime(1)
  expect(told).toContain('offline')
  connection.close()
  expect(vi.getTimerCount()).toBe(0)
})

test.each([
  ['connecting', (socket: TestSocket) => socket.onopen!()],
  ['online', (socket: TestSocket) => socket.greet(OFTEN)],
  ['draining', (socket: TestSocket) => announceEnd(socket)],
  ['replacing', (socket: TestSocket) => leave(socket)],
  [
    'handing_over',
    (socket: TestSocket) => {
      leave(socket)
      TestSocket.last.greet(OFTEN)
    },
  ],
  ['waiting', (socket: TestSocket) => socket.lose()],
])('C-STATE-3 driver - closed while %s, it leaves no socket and no timer', (_, bring) => {
  const { connection, told } = open()
  bring(TestSocket.last)
  connection.close()
  connection.close()
  connection.reconnect()
  expect(vi.getTimerCount()).toBe(0)
  expect(TestSocket.opened.filter(({ isLeft }) => !isLeft)).toEqual([])
  expect(told.slice(-2)).toEqual(['closed', 'status closed'])
})

function announceEnd(socket: TestSocket): void {
  socket.greet(OFTEN)
  socket.receive({ type: 'drain', reconnectInMs: 60, deadlineMs: 5_000, reason: 'deploy' })
}

function leave(socket: TestSocket): void {
  announceEnd(socket)
  vi.advanceTimersByTime(60)
}
