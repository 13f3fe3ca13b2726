import type { EventInput } from '@tidegate/protocol'
import type { WallClock } from '../clock.ts'
import type { DemoEvent } from './demo-event.ts'

/** Publishing this often keeps frames small and the page lively. */
const TICK_MS = 50
/** Events overdue by more than this are skipped: after an outage or a suspend the world continues at the present. */
const MAX_LAG_MS = 5_000

export interface PlayerOptions {
  /** In the order of `atMs`, without end. */
  readonly events: Iterator<DemoEvent, never>
  /** Resolves when the server has answered. At most one call per topic is open at a time. */
  readonly publish: (topic: DemoEvent['topic'], events: readonly EventInput[]) => Promise<unknown>
  /** Called with each event that is published. MUST NOT throw. */
  readonly onEvent: (event: DemoEvent) => void
  readonly clock: WallClock
  readonly onError: (error: unknown) => void
}

export interface Player {
  /** Stops, and waits for open calls at most `deadlineMs`. */
  close(options: { readonly deadlineMs: number }): Promise<void>
}

/**
 * Publishes each event when it is due. The next tick waits for the answers of this one, so a slow or absent server
 * holds nothing in memory here but the events of one tick.
 */
export function startPlayer({ events, publish, onEvent, clock, onError }: PlayerOptions): Player {
  let upcoming = events.next().value
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let open: Promise<void> = Promise.resolve()

  function schedule(): void {
    if (!closed) timer = setTimeout(tick, TICK_MS)
  }

  function tick(): void {
    open = publishDue().then(schedule)
  }

  async function publishDue(): Promise<void> {
    const due = [...takeDue()]
    const calls = [...groupByTopic(due)].map(([topic, events]) => publish(topic, events))
    due.forEach(onEvent)
    for (const result of await Promise.allSettled(calls)) if (result.status === 'rejected') onError(result.reason)
  }

  function* takeDue(): Generator<DemoEvent> {
    const now = clock.now()
    for (; upcoming.atMs <= now; upcoming = events.next().value) {
      if (upcoming.atMs >= now - MAX_LAG_MS) yield upcoming
    }
  }

  schedule()
  return {
    async close({ deadlineMs }) {
      closed = true
      clearTimeout(timer)
      let expiry: NodeJS.Timeout | undefined
      const deadline = new Promise<void>((resolve) => {
        expiry = setTimeout(resolve, deadlineMs)
      })
      await Promise.race([open, deadline])
      clearTimeout(expiry)
    },
  }
}

function groupByTopic(sent: readonly DemoEvent[]): ReadonlyMap<DemoEvent['topic'], EventInput[]> {
  const groups = new Map<DemoEvent['topic'], EventInput[]>()
  for (const { topic, event } of sent) {
    const earlier = groups.get(topic)
    if (earlier === undefined) groups.set(topic, [event])
    else earlier.push(event)
  }
  return groups
}
