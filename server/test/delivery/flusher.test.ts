import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Flusher } from '../../src/delivery/flusher.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('flusher', () => {
  it('D-FLUSH-1 flushes at once after a pause, then once per tick however often it is asked', async () => {
    const flusher = new Flusher({ now: Date.now })
    const flushedAt: number[] = []
    const session = {
      flush: () => {
        flushedAt.push(Date.now() - 1_000_000)
        return false
      },
    }
    flusher.schedule(session)
    flusher.schedule(session)
    expect(flushedAt).toEqual([])
    await vi.advanceTimersByTimeAsync(0)
    flusher.schedule(session)
    await vi.advanceTimersByTimeAsync(4)
    flusher.schedule(session)
    await vi.advanceTimersByTimeAsync(100)
    expect(flushedAt).toEqual([0, 10])
  })

  it('D-FLUSH-1 comes back each tick to a session with something left, and stops when nobody has', async () => {
    const flusher = new Flusher({ now: Date.now })
    let left = 3
    flusher.schedule({ flush: () => --left > 0 })
    await vi.advanceTimersByTimeAsync(20)
    expect(left).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
