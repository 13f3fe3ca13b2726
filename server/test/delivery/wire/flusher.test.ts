import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { Flusher } from '../../../src/delivery/wire/flusher.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('flusher', () => {
  it.each([
    { tookMs: 0, tickMs: 2 },
    { tookMs: 1, tickMs: 4 },
    { tookMs: 3, tickMs: 10 },
  ])(
    'D-FLUSH-1 flushes at once after a pause, then once per tick however often it is asked: $tookMs ms of writes make one of $tickMs ms',
    async ({ tookMs, tickMs }) => {
      let workedMs = 0
      const monotonic = () => performance.now() + workedMs
      const flusher = new Flusher({ ...systemClock, monotonic })
      const flushedAt: number[] = []
      const session = {
        purse: {},
        flush: () => {
          flushedAt.push(monotonic())
          workedMs += tookMs
          return false
        },
      }
      flusher.schedule(session)
      flusher.schedule(session)
      expect(flushedAt).toEqual([])
      await vi.advanceTimersByTimeAsync(0)
      expect(flushedAt).toHaveLength(1)
      flusher.schedule(session)
      await vi.advanceTimersByTimeAsync(1)
      flusher.schedule(session)
      await vi.advanceTimersByTimeAsync(100)
      expect(flushedAt).toHaveLength(2)
      // These timers cut parts of a millisecond off.
      expect(Math.abs(flushedAt[1]! - flushedAt[0]! - tickMs)).toBeLessThan(1)
    },
  )

  it('D-FLUSH-1 comes back each tick to a session with something left, and stops when nobody has', async () => {
    const flusher = new Flusher(systemClock)
    let left = 3
    flusher.schedule({ purse: {}, flush: () => --left > 0 })
    await vi.advanceTimersByTimeAsync(20)
    expect(left).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('D-FLUSH-2 lets a session wait as long as it may, unless it is asked to write before', async () => {
    const flusher = new Flusher(systemClock)
    const flushedAt: Record<string, number[]> = { a: [], b: [], c: [] }
    const sessionOf = (name: string) => ({
      purse: {},
      flush: () => {
        // An immediate takes a millisecond of these timers.
        flushedAt[name]!.push(Math.floor((Date.now() - 1_000_000) / 10) * 10)
        return false
      },
    })
    const [a, b, c] = ['a', 'b', 'c'].map(sessionOf)
    flusher.schedule(a!, 100)
    flusher.schedule(b!, 50)
    flusher.schedule(c!, 200)
    await vi.advanceTimersByTimeAsync(30)
    // Later ones do not put it off; a sooner one brings it forward.
    flusher.schedule(b!, 500)
    flusher.schedule(a!, 40)
    await vi.advanceTimersByTimeAsync(90)
    flusher.schedule(c!)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(flushedAt).toEqual({ a: [70], b: [50], c: [120] })
    expect(vi.getTimerCount()).toBe(0)
  })
  it('D-FLUSH-4 writes for a moment at a time, those of one purse in turns with others, and asks nobody twice', async () => {
    let workedMs = 0
    const monotonic = () => performance.now() + workedMs
    const flusher = new Flusher({ ...systemClock, monotonic }, { until: () => monotonic() + 2 })
    const crowd = {}
    const order: string[] = []
    const turns: number[] = []
    const sessionOf = (name: string, purse: object) => ({
      purse,
      flush: () => {
        order.push(name)
        workedMs += 1
        return false
      },
    })
    const many = Array.from({ length: 6 }, (_, i) => sessionOf(`crowd ${i}`, crowd))
    const few = sessionOf('few', {})
    for (const session of [...many, few, few]) flusher.schedule(session)
    for (let turn = 0; turn < 4; turn++) {
      const before = order.length
      // An immediate takes a millisecond of these timers.
      await vi.advanceTimersByTimeAsync(turn === 0 ? 0 : 1)
      turns.push(order.length - before)
    }
    expect(order).toEqual(['crowd 0', 'few', 'crowd 1', 'crowd 2', 'crowd 3', 'crowd 4', 'crowd 5'])
    expect(turns).toEqual([2, 2, 2, 1])
  })

  it('D-FLUSH-4 what is asked for while it writes waits for the next tick', async () => {
    const flusher = new Flusher(systemClock)
    let flushes = 0
    const session = {
      purse: {},
      flush: () => {
        if (++flushes < 4) flusher.schedule(session)
        return false
      },
    }
    flusher.schedule(session)
    await vi.advanceTimersByTimeAsync(0)
    expect(flushes).toBe(1)
    await vi.advanceTimersByTimeAsync(30)
    expect(flushes).toBe(4)
    expect(vi.getTimerCount()).toBe(0)
  })
})
