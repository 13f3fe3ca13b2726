import { describe, expect, test } from 'vitest'
import { reconnectDelayMs, resendDelayMs } from '../src/backoff.ts'

describe('backoff', () => {
  test('C-BACKOFF-1 reconnect - full jitter below 100 ms doubled per attempt, at most 10 s', () => {
    expect([0, 1, 2, 6, 7, 2_000].map((attempt) => reconnectDelayMs(attempt, 0.5))).toEqual([
      50, 100, 200, 3_200, 5_000, 5_000,
    ])
    expect(reconnectDelayMs(3, 0)).toBe(0)
  })

  test('C-RESEND-3 resend - what the server asked for, or 10 ms doubled per fruitless round up to 1 s', () => {
    expect([0, 1, 5, 7, 50].map((round) => resendDelayMs(0, round, 0))).toEqual([10, 20, 320, 1_000, 1_000])
    expect(resendDelayMs(400, 0, 0)).toBe(400)
    expect(resendDelayMs(3_000, 50, 0)).toBe(3_000)
  })

  test('C-RESEND-3 resend - is spread over a quarter more', () => {
    expect(resendDelayMs(400, 0, 0.5)).toBe(450)
  })
})
