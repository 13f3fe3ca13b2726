import type { TidegateClient } from '@tidegate/client'
import { latestResults } from './gateway.ts'
import { initialPanes } from './model/initial-panes.ts'
import type { Monitor } from './model/monitor.ts'
import { planSubscriptions } from './model/subscription-plan.ts'

/** Fills the monitor: with what the windows hold now, then with everything that arrives. */
export async function follow(client: TidegateClient, monitor: Monitor): Promise<void> {
  const startedAtMs = Date.now()
  const keyCounts = new Map<string, number>()
  await Promise.all(
    monitor.windows.map(async (topic) => {
      const panes = initialPanes(await latestResults(topic.name), topic, startedAtMs)
      keyCounts.set(topic.name, panes.length)
      for (const pane of panes) monitor.series(topic.name).add(pane)
    }),
  )
  for (const { selector, from } of planSubscriptions(monitor.topics, keyCounts, startedAtMs)) {
    const subscription = client.subscribe(selector, { from }, (event) => monitor.receive(event, performance.now()))
    subscription.onGap((gap) => monitor.withhold(gap, Date.now()))
    subscription.ready.catch((error: Error) => monitor.refuse(selector, error.message))
  }
}
