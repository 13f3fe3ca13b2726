import { compareStreamIds, type Lane, type Position, parsePosition } from '@tidegate/protocol'
import { LOG_START, type LoggedEvent, type TestLog, wholeEntry } from './test-log.ts'
import { type Filter, shown, type TestSubscription } from './test-subscription.ts'
import type { TestTopic } from './test-topics.ts'
import type { QueryAnswer } from './test-world.ts'

export type Params = Readonly<Record<string, unknown>>

const PAGE = 1_000

export interface QueryContext {
  readonly log: TestLog
  readonly topics: ReadonlyMap<string, TestTopic>
  /** @throws what is wrong with a filter */
  filterOf(where: string): Filter
}

/** Answers a query on topics; `undefined` where there is none of the name. */
export function topicQuery(
  context: QueryContext,
  name: string,
  params: Params,
  subscription: TestSubscription | undefined,
): QueryAnswer | undefined {
  const { log, topics } = context
  switch (name) {
    case 'topics':
      return {
        data: { partitions: log.partitions, topics: [...topics.values()].map(({ name, kind }) => ({ name, kind })) },
      }
    case 'ledger':
      return subscription === undefined ? { code: 'unknown_subscription' } : { data: ledgerOf(subscription) }
    case 'window':
      return topics.get(params.name as string)?.hasLatest ? latest(log, params) : { code: 'not_found' }
    case 'history':
      return topics.has(params.topic as string) ? history(log, params) : { code: 'unknown_topic' }
    case 'gap':
      return topics.has(params.topic as string) ? withheld(context, params) : { code: 'unknown_topic' }
    default:
      return undefined
  }
}

function ledgerOf({ delivered, gapped, queued }: TestSubscription) {
  return { matched: delivered + gapped + queued, delivered, conflated: 0, sampled: 0, gapped, queued }
}

function latest(log: TestLog, { name, key }: Params): QueryAnswer {
  const byKey = new Map<string, LoggedEvent>()
  for (const logged of log.events(name as string)) byKey.set(logged.event.key, logged)
  const events = [...byKey.values()].filter(({ event }) => key === undefined || event.key === key)
  return { data: events.map(({ event }) => withoutPlace(shown(event))) }
}

function withoutPlace<Event extends { readonly at: string }>({ at: _, ...event }: Event) {
  return event
}

function history(log: TestLog, { topic, partition = 0, after, limit = PAGE }: Params): QueryAnswer {
  const from = after === undefined ? undefined : parsePosition(after as string)
  if (after !== undefined && from === undefined) return { code: 'invalid_position' }
  const logs = log.of(topic as string)
  const own = logs[from?.partition ?? (partition as number)]
  if (own === undefined) return { code: 'invalid_position' }
  const start = from ?? wholeEntry(own.partition, own.epoch, LOG_START)
  return page(own.events, own.indexAfter(start), limit as number, isThere(own.trimmedTo, start))
}

function page(events: readonly LoggedEvent[], from: number, limit: number, complete: boolean): QueryAnswer {
  const shownEvents = events.slice(from, from + Math.min(limit, PAGE))
  const isMore = from + shownEvents.length < events.length
  const next = isMore && { next: shownEvents.at(-1)!.event.at }
  return { data: shownEvents.map(({ event }) => shown(event)), complete, ...next }
}

function withheld({ log, filterOf }: QueryContext, params: Params): QueryAnswer {
  const { topic, lane, keys, where } = params as { topic: string; lane: Lane; keys?: string[]; where?: string }
  const upTo = parsePosition(params.upTo as string)
  const own = upTo && log.of(topic)[upTo.partition]
  if (own === undefined) return { code: 'invalid_position' }
  const start = parsePosition((params.after as string) ?? '') ?? wholeEntry(own.partition, own.epoch, LOG_START)
  const filter = where === undefined ? undefined : filterOf(where)
  const events = own.events
    .slice(own.indexAfter(start), own.indexAfter(upTo!))
    .filter(({ event }) => event.lane === lane && (keys?.includes(event.key) ?? true) && (filter?.(event) ?? true))
  const complete = isThere(own.trimmedTo, start) && own.epoch === upTo!.epoch
  return { data: { events: events.map(({ event }) => shown(event)), complete } }
}

/** Whether everything after a position is in the log. */
function isThere(trimmedTo: string, { streamId }: Position): boolean {
  return compareStreamIds(streamId, trimmedTo) >= 0
}
