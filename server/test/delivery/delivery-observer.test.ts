import { describe, expect, it } from 'vitest'
import { isPaced } from '../../src/delivery/subscription/subscription.ts'
import type { SubscriptionPlan } from '../../src/delivery/subscription/subscription-plan.ts'
import type { Take } from '../../src/delivery/wire/batch-frame.ts'
import { reportDelivered } from '../../src/delivery/wire/delivery-observer.ts'
import { Part } from '../../src/delivery/wire/part.ts'

const plan = (changes: object) =>
  ({ batch: undefined, policy: { onSlow: 'drop-oldest', maxRate: undefined }, ...changes }) as SubscriptionPlan

const take = (isPacedPart: boolean, storedAt: number) =>
  ({
    run: { lane: { part: new Part(1, 'a.x', 1, isPacedPart), partition: 0 }, arrival: { storedAt, stampedAt: 0 } },
    to: 1,
  }) as unknown as Take

describe('delivery observer', () => {
  it('M-LATENCY-2 what a subscription has wait by its own wish is not observed', () => {
    const slow = { policy: { onSlow: 'drop-oldest', maxRate: 1 } }
    const batched = { batch: { maxMs: 1_000, maxEvents: 10 } }
    expect([plan({}), plan(slow), plan(batched)].map((one) => isPaced(one, 1))).toEqual([false, true, true])
    // Events of the high lane never wait for company.
    expect(isPaced(plan(batched), 0)).toBe(false)
    const seen: number[] = []
    const observer = { onDelivered: (sinceStoredMs: number) => void seen.push(sinceStoredMs), onGap() {} }
    reportDelivered([take(true, 0), take(false, 90), take(false, 95)], 100, observer)
    reportDelivered([take(true, 0)], 100, observer)
    expect(seen).toEqual([10])
  })
})
