import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { onNextFrame } from '../../src/react/frames.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

test.each([
  ['where nothing is drawn', 16, {}],
  // Browsers take what it asks for, and draw no frame.
  ['in a hidden page', 1_000, { requestAnimationFrame: () => 1, cancelAnimationFrame: () => {} }],
])('C-REACT-3 %s - however often it is asked, it sets one timer and runs once in %d ms', (_, frameMs, page) => {
  for (const [name, value] of Object.entries(page)) vi.stubGlobal(name, value)
  const begin = performance.now()
  const ranAt: number[] = []
  const run = () => ranAt.push(performance.now() - begin)
  onNextFrame(run)
  vi.advanceTimersByTime(frameMs / 2)
  for (let asked = 0; asked < 1_000; asked++) onNextFrame(run)
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(frameMs / 2)
  onNextFrame(run)
  vi.advanceTimersByTime(10 * frameMs)
  expect(ranAt).toEqual([frameMs, 2 * frameMs])
})
