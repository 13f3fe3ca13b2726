import { precedingId } from '../../bus/index.ts'
import type { TopicTail } from '../log/index.ts'
import type { Subscription } from '../subscription/index.ts'
import type { Entry } from '../wire/index.ts'

/**
 * Whether a session is to get everything from `next` on just as it is, as all others of the kind: then they need no
 * position in common, each has had all before.
 *
 * @param next the entry about to be offered, which its tail has read already
 */
export function maySharePast(
  subscriptions: Iterable<Subscription>,
  next: Entry,
  tailOf: (topic: string, partition: number) => TopicTail | undefined,
): boolean {
  for (const subscription of subscriptions) {
    if (!subscription.hasBegun || subscription.queue.level > 0) return false
    for (const feed of subscription.feeds()) {
      const tail = tailOf(feed.topic, feed.partition)
      if (tail === undefined) return false
      const isOfNext = feed.topic === next.topic && feed.partition === next.partition
      const offered = isOfNext ? precedingId(next.streamId) : tail.cursor
      if (!feed.isPlainAfter(offered, tail.mark.epoch)) return false
    }
  }
  return true
}
