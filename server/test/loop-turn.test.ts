import { expect, it } from 'vitest'
import { PacedWork } from '../src/limits/index.ts'
import { LoopTurn } from '../src/loop-turn.ts'

it('LIM-TURN-6 all kinds of work share a turn of the event loop, and each has a little of it', async () => {
  let now = 100
  const turn = new LoopTurn({ monotonic: () => now })
  expect(turn.until()).toBe(102)
  now = 101
  expect(turn.until()).toBe(102)
  // Others have used it up.
  now = 105
  expect(turn.until()).toBe(105.5)
  await new Promise(setImmediate)
  expect(turn.until()).toBe(107)
})

it('LIM-TURN-6 several that have much to do take no longer together than one', async () => {
  let now = 0
  const clock = { monotonic: () => now }
  const turn = new LoopTurn(clock)
  const kinds = [0, 1, 2].map(() => new PacedWork(clock, turn))
  const step = () => {
    now += 0.25
  }
  for (const work of kinds) for (let i = 0; i < 100; i++) void work.inTurn({}, step)
  await new Promise(setImmediate)
  // 2 ms of the first, half a ms of each other; the last step of each may reach beyond.
  expect(now).toBeLessThanOrEqual(2 + 2 * 0.5 + 3 * 0.25)
  const before = now
  await new Promise(setImmediate)
  expect(now).toBeGreaterThan(before)
  for (const work of kinds) work.close()
})
