import type { Rights } from '../access/index.ts'
import type { ReportDefect } from '../observability/defects.ts'
import type { PresenceSeat } from '../presence/index.ts'
import type { Cohorts } from './cohort/index.ts'
import type { DeliverySubscriber } from './delivery-subscriber.ts'
import type { NodeTotals, QueueBounds, QueueBudget } from './queue/index.ts'
import type { SocketMemory } from './socket-memory.ts'
import type {
  Receiver,
  ReplayContext,
  SnapshotContext,
  SubscriptionLimits,
  SubscriptionStarter,
  TopicIndex,
} from './subscription/index.ts'
import type { DeliveryObserver, FlowOptions, Flusher } from './wire/index.ts'

/** What the subscribers of a node share. */
export interface SubscriberContext extends ReplayContext, SnapshotContext {
  readonly starter: Pick<SubscriptionStarter, 'plan' | 'start' | 'release' | 'staysSame'>
  readonly index: TopicIndex<Receiver>
  readonly cohorts: Pick<Cohorts, 'seek' | 'leave' | 'forget'>
  readonly flusher: Pick<Flusher, 'schedule'>
  readonly totals: NodeTotals
  readonly queueBounds: QueueBounds
  readonly budget: QueueBudget
  readonly socketMemory: Pick<SocketMemory, 'changed'>
  readonly report: ReportDefect
  readonly observer: DeliveryObserver
  /** The queues of the node exceed their budget. */
  onBudgetExceeded(): void
  onClosed(subscriber: DeliverySubscriber): void
}

export interface SubscriberOptions extends FlowOptions {
  /** Name of its connection, for the list of slow ones. */
  readonly name: string
  /** What it may see. */
  readonly rights: Rights
  /** What its subscriptions may take. */
  readonly limits: SubscriptionLimits
  /** Where its client is shown among those present; absent: nowhere. */
  readonly seat?: PresenceSeat | undefined
}
