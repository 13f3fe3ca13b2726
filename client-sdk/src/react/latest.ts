import { type Position, parsePosition, type SubscribeOptions } from '@tidegate/protocol'
import type { TidegateClient } from '../client.ts'
import { EpochOrder } from './epoch-order.ts'
import { type AnyEvent, type Follow, fill, reportEnds } from './follow.ts'

/** Keys that are kept if nothing else is asked for: more than a page can show. */
export const DEFAULT_KEYS = 10_000

/** Whether topics have snapshots, as the first subscription to each finds out. */
const snapshotsOf = new WeakMap<TidegateClient, Map<string, Promise<boolean>>>()

/** The newest event of every key: from a snapshot on where the topic has one, else those from now on. */
export function followLatest(
  topic: string,
  limit: number,
  options: SubscribeOptions,
): Follow<ReadonlyMap<string, AnyEvent>> {
  return (client, report) => {
    const table = new LatestTable(limit)
    const take = (event: AnyEvent) => {
      if (table.take(event)) report.changed()
    }
    let isClosed = false
    let close = () => {}
    /** @returns whether there is one */
    const open = (snapshot: boolean) =>
      new Promise<boolean>((resolve) => {
        if (isClosed) return resolve(true)
        const asked = { onSlow: 'conflate', ...options, ...(snapshot && { snapshot }) } as const
        const subscription = client.subscribe(topic, asked, take)
        close = () => subscription.close()
        subscription.ready.then(
          () => resolve(snapshot),
          ({ code }) => {
            // Closed, or refused for another reason: the next one finds out.
            if (code !== 'unsupported') topics.delete(topic)
            resolve(code !== 'unsupported')
          },
        )
        const failed: typeof report.failed = (error) => {
          if (snapshot && error.code === 'unsupported') open(false)
          else report.failed(error)
        }
        reportEnds({ onError: () => subscription.onError(failed) }, subscription.synced, report)
        subscription.onGap((gap) => {
          table.epochs.note(gap.upTo)
          // Else another snapshot comes.
          if (gap.fetchable || !snapshot) fill(gap, take, report)
        })
        subscription.onSnapshot((moment) => {
          if (table.snapshot(moment)) report.changed()
        })
      })
    const topics = snapshotsOf.get(client) ?? new Map<string, Promise<boolean>>()
    snapshotsOf.set(client, topics)
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, open(true))
    else known.then(open)
    return {
      read: () => table.read(),
      close: () => {
        isClosed = true
        close()
      },
    }
  }
}

/** The newest event of every key, in the order in which the keys came. */
class LatestTable {
  readonly epochs = new EpochOrder()
  readonly #limit: number
  readonly #events = new Map<string, AnyEvent>()
  /** Keys that the snapshot under way has not shown. */
  #unseen: Set<string> | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  read(): ReadonlyMap<string, AnyEvent> {
    return new Map(this.#events)
  }

  /** Whether it is news. */
  take(event: AnyEvent): boolean {
    const at = this.epochs.placeOf(event)
    this.#unseen?.delete(event.key)
    if (at !== undefined && this.#isBehind(at, this.#events.get(event.key))) return false
    this.#events.set(event.key, event)
    if (this.#events.size > this.#limit) this.#events.delete(this.#events.keys().next().value!)
    return true
  }

  /** A key that is not in it is gone. @returns whether it is news */
  snapshot(moment: 'begins' | 'complete'): boolean {
    const gone = moment === 'complete' ? [...(this.#unseen ?? [])] : []
    this.#unseen = moment === 'begins' ? new Set(this.#events.keys()) : undefined
    for (const key of gone) this.#events.delete(key)
    return gone.length > 0
  }

  /** Lanes overtake each other, and gaps are filled later: of one key, the log has the order. */
  #isBehind(at: Position, known: AnyEvent | undefined): boolean {
    const before = known && parsePosition(known.at)
    return before !== undefined && this.epochs.compare(at, before) <= 0
  }
}
