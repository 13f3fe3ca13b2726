import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Link } from '../src/connection/connection.ts'
import { createClient } from '../src/index.ts'
import { QUERY_DEADLINE_MS, Queries } from '../src/reads/queries.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const OFFLINE: Link = { isOnline: false, send: () => {}, sendText: () => {}, reconnect: () => {}, resumed: () => {} }

test('C-QUERY-1 query - rejects when nobody answers in time', async () => {
  const answer = new Queries(OFFLINE).ask('topics', {})
  const outcome = expect(answer).rejects.toMatchObject({ code: 'no_answer', retryable: true })
  await vi.advanceTimersByTimeAsync(QUERY_DEADLINE_MS)
  await outcome
})

test('C-SILENCE-1 greeting - a gateway that takes the connection and says nothing is given up after 10 s', async () => {
  let opened = 0
  class MuteSocket {
    readonly readyState = 1
    constructor() {
      opened++
    }
    send(): void {}
    close(): void {}
  }
  const client = createClient({ url: 'http://gateway', WebSocket: MuteSocket, connect: true })
  await vi.advanceTimersByTimeAsync(9_999)
  expect([opened, client.status.get().state]).toEqual([1, 'connecting'])
  await vi.advanceTimersByTimeAsync(101)
  expect(opened).toBe(2)
  await client.close({ deadlineMs: 0 })
})
