import { describe, expect, it } from 'vitest'
import type { SlowPolicy } from '../../../src/delivery/queue/slow-policy.ts'
import { feedLane, openBacklog, push, takeableIds } from './support.ts'

const EVENTS_BOUND = 800
/** An eighth of it makes a subscription slow. */
const SLOW_EVENTS = 100

function open(policy: SlowPolicy) {
  const { backlog } = openBacklog({ bytes: 1_000_000, events: EVENTS_BOUND }, 1_000_000)
  return { backlog, queue: backlog.open(policy) }
}

const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i % 10}`)

describe('subscription queue', () => {
  it('D-SLOW-1 D-SLOW-2 is slow once enough waits for a congested subscriber, and then keeps the latest of each key', () => {
    const { queue } = open({ onSlow: 'conflate', maxRate: undefined })
    push(queue.lane(1), feedLane(1), keys(SLOW_EVENTS - 1))
    queue.press(0)
    expect([queue.level, queue.lane(1).events]).toEqual([0, SLOW_EVENTS - 1])
    push(queue.lane(1), feedLane(1), ['k9'], SLOW_EVENTS)
    queue.press(0)
    expect(queue.level).toBe(1)
    expect(queue.ledger.conflated).toBeGreaterThan(0)
  })

  it('D-SLOW-1 keeps up again after a second in which little waits', () => {
    const { queue } = open({ onSlow: 'conflate', maxRate: undefined })
    push(queue.lane(1), feedLane(1), keys(SLOW_EVENTS))
    queue.press(0)
    queue.clear()
    queue.release(0)
    queue.release(999)
    expect(queue.level).toBe(1)
    queue.release(1_000)
    expect(queue.level).toBe(0)
  })

  it('D-RATE-1 lets the latest of each key go when the rate has room, and says when that is', () => {
    const { queue } = open({ onSlow: 'drop-oldest', maxRate: 2 })
    const [normal, lane] = [queue.lane(1), feedLane(1)]
    push(normal, lane, ['a'])
    queue.release(1_000)
    expect(takeableIds(normal)).toEqual(['1-0'])
    for (const run of [...normal.takeable()]) normal.delivered(run, 1, run.bytes)
    push(normal, lane, ['a', 'b', 'a'], 2)
    queue.release(1_200)
    expect(takeableIds(normal)).toEqual([])
    expect(queue.heldUntil()).toBe(1_500)
    queue.release(1_500)
    expect(takeableIds(normal)).toEqual(['3-0', '4-0'])
    expect(queue.heldUntil()).toBeUndefined()
  })

  it('D-SLOW-6 neither holds nor thins high', () => {
    const { queue } = open({ onSlow: 'sample', maxRate: 1 })
    push(queue.lane(0), feedLane(0), keys(SLOW_EVENTS * 2))
    push(queue.lane(2), feedLane(2), keys(SLOW_EVENTS))
    for (let now = 0; now < 10; now++) queue.press(now)
    expect(queue.level).toBeGreaterThan(0)
    expect(queue.lane(2).events).toBeLessThan(SLOW_EVENTS)
    expect(takeableIds(queue.lane(0))).toHaveLength(SLOW_EVENTS * 2)
  })

  it('D-QUEUE-1 its policy gives before its oldest are dropped', () => {
    const { backlog, queue } = open({ onSlow: 'conflate', maxRate: undefined })
    push(queue.lane(1), feedLane(1), keys(SLOW_EVENTS))
    expect(backlog.shrinkTo({ bytes: 1_000_000, events: 10 }, 0)).toBe(true)
    expect(queue.ledger).toMatchObject({ conflated: SLOW_EVENTS - 10, gapped: 0, queued: 10 })
    expect(backlog.shrinkTo({ bytes: 1_000_000, events: 4 }, 0)).toBe(true)
    expect(queue.ledger).toMatchObject({ gapped: 6, queued: 4 })
  })
})
