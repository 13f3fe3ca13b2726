import { expect, it } from 'vitest'
import { AdvisedWait } from '../../src/commands/advised-wait.ts'

it('CMD-PENDING-6 is what makes room while few are refused, and longer the more are', () => {
  let now = 1_000
  const advised = new AdvisedWait(() => now)
  for (; now < 2_000; now++) expect(advised.next(250)).toBe(250)
  const waits = Array.from({ length: 20_000 }, () => advised.next(250))
  expect([waits[0], waits[999], waits.at(-1)]).toEqual([250, 500, 2_000])
  now += 1_900
  expect(advised.next(100)).toBe(101)
  now += 1_900
  expect(advised.next(100)).toBe(100)
})

it('CMD-PENDING-6 lets no more than 2,000 a second come again, however many there are', () => {
  let now = 0
  const advised = new AdvisedWait(() => now)
  let due = Array.from({ length: 4_000 }, () => 0)
  let refused = 0
  for (; now < 10_000; now += 10) {
    due = due.map((at) => {
      if (at > now) return at
      refused++
      return now + advised.next(250)
    })
  }
  expect(refused).toBeLessThanOrEqual(4_000 + 2_100 * 10)
})
