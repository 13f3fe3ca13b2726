import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClient, type TidegateClient } from '../src/index.ts'
import { TestSocket } from './support/test-socket.ts'

const HOUR_MS = 3_600_000

let client: TidegateClient

beforeEach(() => void vi.useFakeTimers())
afterEach(async () => {
  const closed = client.close({ deadlineMs: 0 })
  await vi.advanceTimersByTimeAsync(1)
  await closed
  vi.useRealTimers()
})

const setBack = () => vi.setSystemTime(Date.now() - HOUR_MS)

function open(maxAgeMs = 60_000): void {
  client = createClient({ url: 'http://gateway', connect: true, WebSocket: TestSocket, outbox: { maxAgeMs } })
}

const publish = (id: string) => client.publish('a.x', { id, data: {} })

async function reconnect(): Promise<void> {
  TestSocket.last.lose()
  await vi.advanceTimersByTimeAsync(10_000)
  TestSocket.last.greet()
}

describe('a wall clock that is set back', () => {
  test('C-CLOCK-1 outbox - what was never sent expires after its time', async () => {
    open(5_000)
    const outcome = expect(publish('a')).rejects.toMatchObject({ code: 'outbox_expired' })
    await vi.advanceTimersByTimeAsync(1_000)
    setBack()
    await vi.advanceTimersByTimeAsync(4_100)
    await outcome
  })

  test('C-CLOCK-1 outbox - a frame that is sent again is as old as it is', async () => {
    open()
    TestSocket.last.greet()
    publish('a').catch(() => {})
    await vi.advanceTimersByTimeAsync(0)
    setBack()
    await reconnect()
    expect(TestSocket.last.ofType('publish')[0]!.ageMs).toBeGreaterThanOrEqual(10_000)
  })

  test('C-CLOCK-1 outbox - a frame that a machine slept over is as old as it is', async () => {
    open()
    TestSocket.last.greet()
    publish('a').catch(() => {})
    await vi.advanceTimersByTimeAsync(0)
    vi.setSystemTime(Date.now() + HOUR_MS)
    await reconnect()
    expect(TestSocket.last.ofType('publish')[0]!.ageMs).toBeGreaterThanOrEqual(HOUR_MS)
  })

  test('C-CLOCK-1 outbox - what was acknowledged long ago is not kept', async () => {
    open()
    const socket = TestSocket.last
    socket.greet()
    publish('a').catch(() => {})
    await vi.advanceTimersByTimeAsync(0)
    socket.receive({ type: 'ack', seq: 1, at: ['0@e1/1-0.0'] })
    setBack()
    await vi.advanceTimersByTimeAsync(6_000)
    publish('b').catch(() => {})
    await vi.advanceTimersByTimeAsync(0)
    socket.receive({ type: 'ack', seq: 2, at: ['1@e2/2-0.0'] })
    await reconnect()
    expect(TestSocket.last.ofType('hello')[0]!.epochs).toEqual(['1@e2'])
  })

  test('C-CLOCK-1 connection - one that lived long enough starts the count of attempts again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.99)
    open()
    for (let i = 0; i < 6; i++) {
      TestSocket.last.lose()
      await vi.advanceTimersByTimeAsync(10_000)
    }
    TestSocket.last.greet()
    setBack()
    await vi.advanceTimersByTimeAsync(6_000)
    const opened = TestSocket.opened.length
    TestSocket.last.lose()
    await vi.advanceTimersByTimeAsync(100)
    vi.restoreAllMocks()
    expect(TestSocket.opened.length).toBe(opened + 1)
  })
})
