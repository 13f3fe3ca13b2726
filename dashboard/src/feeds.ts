import type { SubscribeOptions, TidegateClient } from '@tidegate/client'
import { latestResults } from './gateway.ts'
import { initialPanes } from './model/initial-panes.ts'
import type { Monitor } from './model/monitor.ts'
import type { ReceivedEvent } from './model/recent-events.ts'
import { chartFrom } from './model/subscription-plan.ts'
import type { WindowTopic } from './model/topics.ts'

/** What this needs of a client. */
export type FeedClient = Pick<TidegateClient, 'subscribe'>

/** Ends what it was given for. Idempotent. */
export type Stop = () => void

/** Events of the high lane, of all topics: few by their nature, and wanted wherever somebody looks. */
export function followUrgent(client: FeedClient, monitor: Monitor): Stop {
  return follow(client, monitor, '>', { lanes: ['high'] }, (event) => monitor.receiveUrgent(event))
}

/** Changes of an entity. */
export function followChanges(client: FeedClient, monitor: Monitor, entity: string): Stop {
  const topic = monitor.changesOf(entity)
  if (topic === undefined) return () => {}
  return follow(client, monitor, topic.name, { maxRate: 1 }, (event) => monitor.receiveChange(entity, event))
}

/** The results of a window: its latest ones and as much history as its chart keeps, then what follows. */
export function followWindow(client: FeedClient, monitor: Monitor, topic: WindowTopic): Stop {
  let stop: Stop | undefined
  let isStopped = false
  void latestResults(topic.name).then((results) => {
    if (isStopped) return
    const now = Date.now()
    const panes = initialPanes(results, topic, now)
    for (const pane of panes) monitor.series(topic.name).add(pane)
    stop = follow(client, monitor, topic.name, { from: chartFrom(topic, panes.length, now) }, (event) =>
      monitor.receiveResult(event),
    )
  })
  return () => {
    isStopped = true
    stop?.()
  }
}

function follow(
  client: FeedClient,
  monitor: Monitor,
  selector: string,
  options: SubscribeOptions,
  receive: (event: ReceivedEvent) => void,
): Stop {
  const subscription = client.subscribe(selector, options, receive)
  subscription.onGap((gap) => monitor.withhold(gap, Date.now()))
  let isStopped = false
  subscription.ready.catch((error: Error) => {
    if (!isStopped) monitor.refuse(selector, error.message)
  })
  return () => {
    isStopped = true
    subscription.close()
  }
}
