import type { TopicTail } from '../log/index.ts'
import { LANE_INDEXES, type LaneIndex, VectorBuilder, WithheldByPart } from '../wire/index.ts'
import type { Progress } from './progress.ts'
import type { Subscription } from './subscription.ts'
import type { SubscriptionPlan } from './subscription-plan.ts'

/**
 * The events withheld in lanes that another plan excludes, with the positions behind them: no frame of these lanes will
 * report them. `undefined` when there are none.
 */
export function collectLeft(subscription: Subscription, plan: SubscriptionPlan): Progress | undefined {
  const left = LANE_INDEXES.filter((lane) => subscription.plan.lanes[lane] && !plan.lanes[lane])
  const positions = new VectorBuilder()
  const withheld = new WithheldByPart()
  for (const feed of subscription.feeds()) {
    feed.takeTrailing(left, withheld)
    for (const lane of left) if (!feed.isWaiting(lane)) positions.add(feed, lane, feed.resolvedTo(lane))
  }
  const { counts } = withheld.toField()
  return counts && { positions: positions.build(), counts }
}

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
