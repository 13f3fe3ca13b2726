import { LOG_START, wholeEntry } from '../../../src/bus/index.ts'
import { Backlog, QUEUE_BOUNDS } from '../../../src/delivery/queue/backlog.ts'
import type { FeedLane } from '../../../src/delivery/queue/feed-lane.ts'
import type { LaneQueue } from '../../../src/delivery/queue/lane-queue.ts'
import { openTotals } from '../../../src/delivery/queue/ledger.ts'
import { QueueBudget } from '../../../src/delivery/queue/queue-budget.ts'
import type { Run } from '../../../src/delivery/queue/run.ts'
import { Entry } from '../../../src/delivery/wire/entry.ts'
import type { LaneIndex } from '../../../src/delivery/wire/lanes.ts'
import { Part } from '../../../src/delivery/wire/part.ts'
import { recordBatch, type TestEvent } from '../support.ts'

export const EPOCH = 'e'

/** One record batch of partition 0, as the tail reads it. */
export function entryOf(streamId: string, events: readonly TestEvent[]): Entry {
  const raw = { topic: 'a.x', streamId, epoch: EPOCH, refused: undefined, watermark: undefined }
  return new Entry(0, { ...raw, ...recordBatch(events) })
}

export function feedLane(lane: LaneIndex): FeedLane {
  return {
    partition: 0,
    part: new Part(1, 'a.x', lane),
    taken: wholeEntry(EPOCH, LOG_START),
    epoch: EPOCH,
    waiting: 0,
    trailing: { conflated: 0, sampled: 0 },
  }
}

/** Queues entries of one event each, the keys given, with ids and stream ids counted from `first`. */
export function push(queue: LaneQueue, lane: FeedLane, keys: readonly string[], first = 1, idChars = 1): void {
  keys.forEach((key, i) => {
    queue.pushEntry(lane, entryOf(`${first + i}-0`, [{ id: `${first + i}`.padEnd(idChars, '.'), key }]), [0])
  })
}

/** Stream ids of what may be taken. */
export function takeableIds(queue: { takeable(): Iterable<Run> }): string[] {
  return [...queue.takeable()].map(({ streamId }) => streamId)
}

export function openBacklog(bounds = QUEUE_BOUNDS, windowBytes = 1_000) {
  const totals = openTotals()
  const budget = new QueueBudget(1_000_000)
  return { totals, budget, backlog: new Backlog(bounds, windowBytes, totals, budget) }
}
