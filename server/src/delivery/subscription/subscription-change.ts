import type { TopicTail } from '../log/index.ts'
import { LANE_INDEXES, type LaneIndex } from '../wire/index.ts'
import type { Subscription } from './subscription.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'

/**
 * Gives a subscription another plan over the same topics. New lanes begin at the subscription's present position;
 * waiting events of removed lanes are dropped.
 *
 * @returns the new lanes
 */
export function changeLanes(
  subscription: Subscription,
  plan: SubscriptionPlan,
  tailOf: (topic: string, partition: number) => TopicTail | undefined,
): LaneIndex[] {
  const before = subscription.plan.lanes
  subscription.plan = plan
  for (const lane of LANE_INDEXES) {
    if (before[lane] === plan.lanes[lane]) continue
    if (!plan.lanes[lane]) subscription.queue.clearLane(lane)
    for (const feed of subscription.feeds()) {
      if (plan.lanes[lane]) feed.join(lane, feed.reached(tailOf(feed.topic, feed.partition)!.mark))
      else feed.leave(lane)
    }
  }
  return LANE_INDEXES.filter((lane) => plan.lanes[lane] && !before[lane])
}
