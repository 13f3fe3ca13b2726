import { describe, expect, it } from 'vitest'
import { wholeEntry } from '../../../src/bus/index.ts'
import { LaneQueue } from '../../../src/delivery/queue/lane-queue.ts'
import { LaneTurns } from '../../../src/delivery/queue/lane-turns.ts'
import { LaneBooks, openLedger, openTotals } from '../../../src/delivery/queue/ledger.ts'
import { QueueBudget } from '../../../src/delivery/queue/queue-budget.ts'
import { EPOCH, feedLane, push, takeableIds } from './support.ts'

function open() {
  const ledger = openLedger()
  const budget = new QueueBudget(1_000_000)
  const turns = new LaneTurns()
  const books = new LaneBooks(ledger, { bytes: 0, events: 0 }, openTotals()[1])
  const queue = new LaneQueue(books, budget, turns)
  const lane = feedLane(1)
  const deliver = () => {
    for (const run of [...queue.takeable()]) queue.delivered(run, run.picks.length, run.bytes)
  }
  return { ledger, budget, turns, books, queue, lane, deliver }
}

describe('lane queue', () => {
  it('D-GAP-1 drops from its front into one gap with the exact count, due before what is newer', () => {
    const { queue, lane, ledger } = open()
    push(queue, lane, ['a', 'b', 'c'])
    queue.dropOldest()
    queue.dropOldest()
    expect(queue.dueGap()).toMatchObject({ count: 2, reason: 'overflow', upTo: { streamId: '2-0' } })
    queue.dueGapSent()
    expect(queue.dueGap()).toBeUndefined()
    expect(takeableIds(queue)).toEqual(['3-0'])
    expect(ledger).toMatchObject({ matched: 3, gapped: 2, queued: 1 })
  })

  it('D-ORDER-1 keeps a gap of the log in its place between the events around it', () => {
    const { queue, lane, deliver } = open()
    push(queue, lane, ['a'])
    const upTo = wholeEntry(EPOCH, '5-0')
    const withheld = { conflated: 0, sampled: 0 }
    queue.pushGap({ kind: 'gap', lane, after: lane.taken, upTo, count: null, reason: 'trimmed', withheld })
    push(queue, lane, ['b'], 6)
    expect(queue.dueGap()).toBeUndefined()
    expect(takeableIds(queue)).toEqual(['1-0'])
    deliver()
    expect(queue.dueGap()).toMatchObject({ after: { streamId: '1-0' }, upTo })
    queue.dueGapSent()
    expect(takeableIds(queue)).toEqual(['6-0'])
  })

  it('D-SLOW-2 D-SLOW-3 conflates to the latest of each key, and leaves alone what was sealed', () => {
    const { queue, lane, ledger } = open()
    queue.isGated = true
    push(queue, lane, ['a'])
    queue.seal()
    push(queue, lane, ['a', 'b', 'a'], 2)
    expect(queue.conflate()).toBe(1)
    expect(takeableIds(queue)).toEqual(['1-0'])
    queue.seal()
    expect(takeableIds(queue)).toEqual(['1-0', '3-0', '4-0'])
    expect(ledger).toMatchObject({ matched: 4, conflated: 1, queued: 3 })
  })

  it('D-QUEUE-3 stands in the turns of its lane while something waits, and only then', () => {
    const { queue, lane, turns, deliver } = open()
    push(queue, lane, ['a', 'b'])
    expect(turns.isEmpty).toBe(false)
    deliver()
    expect(turns.isEmpty).toBe(true)
    push(queue, lane, ['c'], 3)
    queue.dropOldest()
    expect(turns.isEmpty).toBe(false)
    queue.dueGapSent()
    expect(turns.isEmpty).toBe(true)
    push(queue, lane, ['d'], 4)
    queue.clear()
    queue.clear()
    expect(turns.isEmpty).toBe(true)
  })

  it('D-QUEUE-3 lets another subscription come first after every frame', () => {
    const { queue, lane, turns, books, budget } = open()
    const other = new LaneQueue(books, budget, turns)
    push(queue, lane, ['a', 'b'])
    push(other, feedLane(1), ['c'], 7)
    expect(takeableIds(turns)).toEqual(['1-0', '2-0', '7-0'])
    turns.rotate()
    expect(takeableIds(turns)).toEqual(['7-0', '1-0', '2-0'])
  })

  it('D-BUDGET-1 D-LEDGER-1 gives back all memory, however events leave', () => {
    const { queue, lane, budget, ledger, deliver } = open()
    push(queue, lane, ['a', 'a', 'b'])
    queue.conflate()
    queue.dropOldest()
    deliver()
    expect(budget.usedBytes).toBe(0)
    expect(ledger).toEqual({ matched: 3, delivered: 1, conflated: 1, sampled: 0, gapped: 1, queued: 0 })
    push(queue, lane, ['c'], 4)
    queue.clear()
    expect(budget.usedBytes).toBe(0)
    expect(ledger).toMatchObject({ matched: 3, queued: 0 })
  })
})
