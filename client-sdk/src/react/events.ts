import type { SubscribeOptions } from '@tidegate/protocol'
import { type AnyEvent, type Follow, reportEnds } from './follow.ts'

/** Newest events that are kept if nothing else is asked for: more than a list on a page shows. */
export const DEFAULT_EVENTS = 100

/** The newest events, the oldest of them first. */
export function followEvents(selector: string, limit: number, options: SubscribeOptions): Follow<readonly AnyEvent[]> {
  return (client, report) => {
    let events: AnyEvent[] = []
    const subscription = client.subscribe(selector, options, (event) => {
      events.push(event)
      // Between two frames there may come many.
      if (events.length > 2 * limit) events = events.slice(-limit)
      report.changed()
    })
    reportEnds(subscription, subscription.ready, report)
    subscription.onGap(report.gap)
    return { read: () => events.slice(-limit), close: () => subscription.close() }
  }
}

/** Events are passed on and not kept. */
export function passEvents(
  selector: string,
  options: SubscribeOptions,
  pass: (event: AnyEvent) => void,
): Follow<undefined> {
  return (client, report) => {
    const subscription = client.subscribe(selector, options, pass)
    reportEnds(subscription, subscription.ready, report)
    subscription.onGap(report.gap)
    return { read: () => undefined, close: () => subscription.close() }
  }
}
