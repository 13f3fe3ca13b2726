import { CLOSE } from '@tidegate/protocol'
import type { QueueBudget } from './queue/queue-budget.ts'
import type { Session } from './subscriber.ts'

/** Room that is made beyond what is missing: looking at every session is too much to do for every event. */
const RELIEF_SHARE = 0.9
/** Sessions with less than this are not what fills a node. */
const MIN_TARGET_BYTES = 4_096

type Relievable = Pick<Session, 'queuedBytes' | 'compact' | 'shrinkTo' | 'end'>

/**
 * Brings the queues of a node back under their budget. Nobody holds an entry for a small part of it; then the largest sessions give first, down to one size that is halved
 * until it is enough; whoever has less than that gives nothing. Where only high events are left, the largest are closed: they
 * resume where they were.
 */
export function relieve(budget: QueueBudget, sessions: Iterable<Relievable>): void {
  const goal = budget.maxBytes * RELIEF_SHARE
  const all = [...sessions]
  for (const session of all) session.compact()
  const bySize = all.sort((a, b) => b.queuedBytes - a.queuedBytes)
  let target = bySize[0]?.queuedBytes ?? 0
  while (budget.usedBytes > goal && target > MIN_TARGET_BYTES) {
    target /= 2
    for (const session of bySize) {
      if (budget.usedBytes <= goal) return
      if (session.queuedBytes > target) session.shrinkTo(target)
    }
  }
  for (const session of bySize) {
    if (!budget.isExceeded) return
    session.end(CLOSE.overload)
  }
}
