import { CLOSE } from '@tidegate/protocol'
import type { QueueBudget } from './queue/index.ts'
import type { Subscriber } from './subscriber.ts'

/** Extra room made at once: looking at every subscriber for every event would cost too much. */
const RELIEF_SHARE = 0.9
/** Subscribers with less than this do not fill a node. */
const MIN_TARGET_BYTES = 4_096

type Relievable = Pick<Subscriber, 'queuedBytes' | 'compact' | 'shrinkTo' | 'end'>

/**
 * Brings the queues of a node back under their budget. First, entries pinned for a small part are released. Then the
 * largest subscribers withhold, down to a common size that is halved until the budget holds; smaller ones keep
 * everything. Where only high events are left, the largest subscribers are closed: they resume where they were.
 */
export function relieve(budget: QueueBudget, subscribers: Iterable<Relievable>): void {
  const goal = budget.maxBytes * RELIEF_SHARE
  const all = [...subscribers]
  for (const subscriber of all) subscriber.compact()
  const bySize = all.sort((a, b) => b.queuedBytes - a.queuedBytes)
  let target = bySize[0]?.queuedBytes ?? 0
  while (budget.usedBytes > goal && target > MIN_TARGET_BYTES) {
    target /= 2
    for (const subscriber of bySize) {
      if (budget.usedBytes <= goal) return
      if (subscriber.queuedBytes > target) subscriber.shrinkTo(target)
    }
  }
  for (const subscriber of bySize) {
    if (!budget.isExceeded) return
    subscriber.end(CLOSE.overload)
  }
}
