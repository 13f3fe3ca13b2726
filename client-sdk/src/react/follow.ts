import type { TopicEvent } from '../application/contract-types.ts'
import type { TidegateClient } from '../client.ts'
import type { TidegateError } from '../errors/errors.ts'
import type { Gap } from '../subscriptions/gap.ts'
import type { Subscription } from '../subscriptions/subscription.ts'

export type AnyEvent = TopicEvent<string, unknown>

/** How a follower reports what it follows. */
export interface Report {
  /** `read` returns something else now. */
  changed(): void
  /** Everything that the server had at the start has come. */
  ready(): void
  failed(error: TidegateError): void
  /** Events are missing. */
  gap(gap: Gap): void
}

export interface Followed<Data> {
  /** What the events have come to; never an object that changes later. */
  read(): Data
  close(): void
}

/** Opens a subscription and makes something of its events. */
export type Follow<Data> = (client: TidegateClient, report: Report) => Followed<Data>

/** Reports when a subscription is ready, and when it fails. */
export function reportEnds(
  subscription: Pick<Subscription<AnyEvent>, 'onError'>,
  ready: Promise<void>,
  report: Report,
): void {
  subscription.onError(report.failed)
  // Who rejects it says so to `onError` as well, but for `close`.
  ready.then(report.ready, () => {})
}

/**
 * Fetches what a gap withheld, where that is possible, for whoever can take events in any order. Reports the gap if
 * something of it is lost.
 */
export async function fill(gap: Gap<AnyEvent>, take: (event: AnyEvent) => void, report: Report): Promise<void> {
  if (!gap.fetchable) return report.gap(gap)
  try {
    for await (const event of gap.fetch()) take(event)
  } catch {
    report.gap(gap)
  }
}
