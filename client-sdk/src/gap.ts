import type { DeliveredEvent, GapFrame, SubscribeOptions } from '@tidegate/protocol'
import { clientError } from './errors.ts'

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
  readonly fetchable: false
}

/** Matched events that were withheld from a subscription: how many, where and why. */
export type Gap<Event = unknown> = Withheld<Event> | Lost

export type Ask = (query: string, params: Readonly<Record<string, unknown>>) => Promise<unknown>

interface Page {
  readonly events: readonly DeliveredEvent[]
  readonly complete: boolean
  readonly next?: string
}

/** A gap as the application sees it, delivered to a subscription with these options. */
export function openGap<Event>(
  { type: _, sub: __, fetchable, ...gap }: GapFrame,
  { keys, where }: SubscribeOptions,
  ask: Ask,
): Gap<Event> {
  if (!fetchable) return { ...gap, fetchable }
  const { topic, lane, after, upTo } = gap
  return { ...gap, fetchable, fetch: () => fetchRange({ topic, lane, upTo, keys, where }, after, ask) }
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
    const page = (await ask('gap', { ...range, after })) as Page
    // The server answers with events of the topic; nothing here could check that.
    for (const event of page.events) yield { topic, lane, ...event, recovered: true } as unknown as Recovered<Event>
    complete &&= page.complete
    after = page.next
  } while (after !== undefined)
  if (!complete) throw clientError('incomplete')
}
