import { LIMITS } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RefusalDebt } from '../../src/gateway/refusal-debt.ts'

describe('refusals of a connection', () => {
  it('G-COMMAND-16 never hold up a client that waits as it is advised', () => {
    const waits = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 400 })
    const pauses = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(waits, pauses, (advised, late) => {
        const debt = new RefusalDebt()
        /** When each of its commands may be sent again. */
        const due = Array.from({ length: LIMITS.commands }, (_, i) => late[i % late.length]!)
        for (const [i, retryAfterMs] of advised.entries()) {
          const now = Math.min(...due)
          expect(debt.waitMs(now)).toBe(0)
          debt.refused(retryAfterMs, now)
          due[due.indexOf(now)] = now + retryAfterMs + late[i % late.length]!
        }
      }),
    )
  })

  it('G-COMMAND-16 let one that does not wait have as many as that one', () => {
    const debt = new RefusalDebt()
    let refused = 0
    for (let now = 1; now <= 10_000; now++) {
      while (debt.waitMs(now) === 0) {
        debt.refused(250, now)
        refused++
      }
    }
    expect(refused).toBeLessThanOrEqual(LIMITS.commands * (1 + 10_000 / 250) + 1)
    expect(refused).toBeGreaterThan(LIMITS.commands * 40)
    expect(debt.waitMs(20_000)).toBe(0)
  })
})
