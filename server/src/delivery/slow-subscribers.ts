import type { Ledger } from './queue/ledger.ts'
import type { Session } from './subscriber.ts'

/** One session as those see it who look for slow ones. */
export interface SlowSession {
  readonly session: string
  readonly state: 'open' | 'congested'
  /** What keeps a congested one from being written to: the client confirms no more, or the socket takes no more. */
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
}

/** The sessions with most waiting, those that have been congested for longest first among equals. */
export function slowestSessions(sessions: Iterable<Session>, count: number, now: number): SlowSession[] {
  return [...sessions]
    .filter((session) => session.queuedBytes > 0 || session.outlet.congestedSince !== undefined)
    .sort(
      (a, b) => b.queuedBytes - a.queuedBytes || (a.outlet.congestedSince ?? now) - (b.outlet.congestedSince ?? now),
    )
    .slice(0, count)
    .map((session) => describe(session, now))
}

function describe({ name, outlet, queuedBytes, queuedEvents, subscriptions }: Session, now: number): SlowSession {
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
      ...queue.ledger,
    })),
  }
}
