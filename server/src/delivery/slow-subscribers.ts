import type { Ledger } from './queue/index.ts'
import type { Subscriber } from './subscriber.ts'

/** One subscriber in the list of slow ones. */
export interface SlowSubscriber {
  /** The name of its connection. */
  readonly session: string
  readonly state: 'open' | 'congested'
  /** Why a congested one cannot be written to: the client sends no credit, or the socket accepts no more. */
  readonly reason: 'credit' | 'socket' | null
  /** Time above the high-water mark. */
  readonly congestedMs: number
  readonly inFlightBytes: number
  readonly queuedBytes: number
  readonly queuedEvents: number
  readonly subscriptions: readonly SlowSubscription[]
}

export interface SlowSubscription extends Readonly<Ledger> {
  readonly sub: number
  readonly topic: string
  readonly onSlow: string
  /** 0 while everything is sent. */
  readonly level: number
  /** Whether its client reads nothing of it for now. */
  readonly isPaused: boolean
}

/** The subscribers with the most waiting bytes; among equals, those congested for longest first. */
export function slowestSubscribers(subscribers: Iterable<Subscriber>, count: number, now: number): SlowSubscriber[] {
  return [...subscribers]
    .filter((subscriber) => subscriber.queuedBytes > 0 || subscriber.outlet.congestedSince !== undefined)
    .sort(
      (a, b) => b.queuedBytes - a.queuedBytes || (a.outlet.congestedSince ?? now) - (b.outlet.congestedSince ?? now),
    )
    .slice(0, count)
    .map((subscriber) => describe(subscriber, now))
}

function describe(subscriber: Subscriber, now: number): SlowSubscriber {
  const { name, outlet, queuedBytes, queuedEvents, subscriptions } = subscriber
  const { congestedSince, inFlight } = outlet
  const isCongested = congestedSince !== undefined
  return {
    session: name,
    state: isCongested ? 'congested' : 'open',
    reason: isCongested ? (inFlight.by === 'credit' ? 'credit' : 'socket') : null,
    congestedMs: isCongested ? Math.round(now - congestedSince) : 0,
    inFlightBytes: inFlight.bytes,
    queuedBytes,
    queuedEvents,
    subscriptions: [...subscriptions.values()].map(({ plan, queue }) => ({
      sub: plan.sub,
      topic: plan.selector,
      onSlow: plan.policy.onSlow,
      level: queue.level,
      isPaused: queue.isPaused,
      ...subscriber.ledger(plan.sub)!,
    })),
  }
}
