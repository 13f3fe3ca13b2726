import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClient, type TidegateClient } from '../src/index.ts'
import { TestSocket } from './support/test-socket.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let client: TidegateClient
/** Of the server's clock before that of the machine. */
let ahead = 0
/** Moment of the server's clock when the machine starts. */
const START = 1_732_350_000_000

beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(async () => {
  const closed = client.close({ deadlineMs: 0 })
  await vi.advanceTimersByTimeAsync(1)
  await closed
  vi.useRealTimers()
})

const serverNow = () => START + performance.now() - started + ahead
let started = 0

function open(machineAheadMs: number): void {
  ahead = 0
  started = performance.now()
  vi.setSystemTime(START + machineAheadMs)
  client = createClient({ url: 'http://gateway', WebSocket: TestSocket, connect: true })
}
const greet = () => TestSocket.last.greet({ time: serverNow() })
/** Until it is sent, if there is a connection. */
async function publish(...times: (number | undefined)[]): Promise<void> {
  const events = times.map((time) => ({ ...(time !== undefined && { time }), data: {} }))
  client.publish('a', events).catch(() => {})
  await vi.advanceTimersByTimeAsync(0)
}
/** Times of the events of the last frame. */
const sentTimes = () => {
  const frame = TestSocket.last.ofType('publish').at(-1) as unknown as { events: { time: number }[] }
  return frame.events.map(({ time }) => time)
}

describe('the clock of the server', () => {
  test.each([2 * MINUTE_MS, -HOUR_MS, -50 * 365 * 24 * HOUR_MS])(
    'C-STAMP-2 a machine %d ms ahead - stamps events like the server does',
    async (machineAheadMs) => {
      open(machineAheadMs)
      await publish(undefined)
      await vi.advanceTimersByTimeAsync(1_000)
      greet()
      expect(sentTimes()).toEqual([START])
      await vi.advanceTimersByTimeAsync(1_000)
      await publish(undefined, 5, undefined)
      expect(sentTimes()).toEqual([START + 2_000, 5, START + 2_000])
      expect(client.now()).toBe(START + 2_000)
    },
  )

  test('C-STAMP-1 C-STAMP-2 a resend - has the same times, whatever the next server says', async () => {
    open(0)
    greet()
    await publish(undefined)
    const before = sentTimes()
    TestSocket.last.lose()
    await vi.advanceTimersByTimeAsync(1_000)
    ahead = 3_000
    greet()
    expect(sentTimes()).toEqual(before)
    await publish(undefined)
    expect(sentTimes()[0]).toBe(serverNow())
  })

  test('C-STAMP-2 pings - correct it, a late one hardly, and one that says the server was set back does', async () => {
    open(0)
    greet()
    const ping = (lateMs: number) => TestSocket.last.receive({ type: 'ping', time: serverNow() - lateMs })
    ping(800)
    expect(serverNow() - client.now()).toBe(10)
    ping(0)
    expect(client.now()).toBe(serverNow())
    ahead = -HOUR_MS
    ping(0)
    expect(client.now()).toBe(serverNow())
  })

  test('C-STAMP-2 a wall clock that is set back - changes nothing', async () => {
    open(0)
    greet()
    vi.setSystemTime(START - HOUR_MS)
    await vi.advanceTimersByTimeAsync(1_000)
    await publish(undefined)
    expect(sentTimes()).toEqual([START + 1_000])
  })

  test('C-STAMP-3 a wall clock that leaps ahead - nothing is stamped before a new greeting', async () => {
    open(0)
    greet()
    const socket = TestSocket.last
    // The machine slept: its monotonic clock stood still.
    vi.setSystemTime(START + HOUR_MS)
    ahead = HOUR_MS
    await publish(undefined)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(socket.isLeft).toBe(true)
    expect(socket.ofType('publish')).toEqual([])
    greet()
    expect(sentTimes()).toEqual([START + HOUR_MS])
    await publish(undefined)
    expect(TestSocket.last.ofType('publish')).toHaveLength(2)
  })
})
