import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Watchdog } from '../../src/supervisor/watchdog.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('S-CHILD-6 Watchdog - barks once after so many seconds without a sign, not while there are some, not after it was closed', () => {
  const bark = vi.fn()
  const watchdog = new Watchdog(3, bark)
  for (let second = 0; second < 10; second++) {
    vi.advanceTimersByTime(1_000)
    watchdog.seen()
  }
  vi.advanceTimersByTime(2_000)
  expect(bark).not.toHaveBeenCalled()
  vi.advanceTimersByTime(10_000)
  expect(bark).toHaveBeenCalledOnce()
  const closed = new Watchdog(3, bark)
  closed.close()
  vi.advanceTimersByTime(10_000)
  expect(bark).toHaveBeenCalledOnce()
})
