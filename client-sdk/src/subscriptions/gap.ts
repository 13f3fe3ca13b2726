import type { DeliveredEvent, GapFrame, SubscribeOptions } from '@tidegate/protocol'
import { QUERY_ERRORS } from '../errors/error-codes.ts'
import { TidegateError } from '../errors/errors.ts'
import type { QueryPage } from '../reads/queries.ts'

/** A withheld event, fetched afterwards. */
export type Recovered<Event> = Event & { readonly recovered: true }

interface Withheld<Event> extends Omit<GapFrame, 'type' | 'sub' | 'fetchable'> {
  readonly fetchable: true
  /**
   * The events of the range, in log order, read from the log page by page on demand, including those that `onSlow` or
   * `maxRate` would have withheld. They move no position, and a second call yields them again.
   *
   * @throws TidegateError `incomplete`, after the available events, if part of the range has left the log; `no_answer`,
   *   `closed`.
   */
  fetch(): AsyncGenerator<Recovered<Event>, void, undefined>
}

interface Lost extends Omit<GapFrame, 'type' | 'sub' | 'fetchable'> {
  /** The events have left the log, or the client is one of `createSubscriber`, which asks nothing. */
  readonly fetchable: false
}

/** Matched events that were withheld from a subscription: how many, where and why. */
export type Gap<Event = unknown> = Withheld<Event> | Lost

export type Ask = (query: string, params: Readonly<Record<string, unknown>>) => Promise<Pick<QueryPage, 'data'>>

interface Page {
  readonly events: readonly DeliveredEvent[]
  readonly complete: boolean
  readonly next?: string
}

/** A gap as the application of a client sees it that asks nothing. */
export function statedGap({ type: _, sub: __, ...gap }: GapFrame): Lost {
  return { ...gap, fetchable: false }
}

/** A gap that was delivered to a subscription with these options, as an application sees it that can ask for its events. */
export function openGap<Event>(frame: GapFrame, { keys, where }: SubscribeOptions, ask: Ask): Gap<Event> {
  const gap = statedGap(frame)
  if (!frame.fetchable) return gap
  const { topic, lane, after, upTo } = gap
  return { ...gap, fetchable: true, fetch: () => fetchRange({ topic, lane, upTo, keys, where }, after, ask) }
}

async function* fetchRange<Event>(
  range: Readonly<Record<'topic' | 'lane' | 'upTo' | 'keys' | 'where', unknown>>,
  start: string | undefined,
  ask: Ask,
): AsyncGenerator<Recovered<Event>, void, undefined> {
  const { topic, lane } = range
  let complete = true
  let after = start
  do {
    const page = (await ask('gap', { ...range, after })).data as Page
    // The server answers with events of the topic; nothing here could check that.
    for (const event of page.events) yield { topic, lane, ...event, recovered: true } as unknown as Recovered<Event>
    complete &&= page.complete
    after = page.next
  } while (after !== undefined)
  if (!complete) throw new TidegateError('incomplete', QUERY_ERRORS.incomplete)
}
