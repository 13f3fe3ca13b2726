import type { Position, SubscribeOptions } from '@tidegate/protocol'
import { EpochOrder } from './epoch-order.ts'
import { type AnyEvent, type Follow, fill, reportEnds } from './follow.ts'

/** Of the past, if nothing else is asked for. */
export const DEFAULT_PAST_MS = 3_600_000
/** Results that are kept if nothing else is asked for: more than a chart has pixels. */
export const DEFAULT_PANES = 1_000

/** A result of a window, of which the contract says no more. */
export interface AnyPane {
  readonly key: string
  /** `[start, end)`, ms since 1970. */
  readonly start: number
  readonly end: number
  readonly value: unknown
  readonly timing: 'early' | 'on_time' | 'late'
  readonly revision: number
  readonly final: boolean
}

/** The newest result of every window and key, by their starts: what the log has of the past, then what comes. */
export function followPanes(
  topic: string,
  { pastMs, limit }: { readonly pastMs: number; readonly limit: number },
  options: SubscribeOptions,
): Follow<readonly AnyPane[]> {
  return (client, report) => {
    const panes = new PaneTable(limit)
    const take = (event: AnyEvent) => {
      if (!isPane(event.data)) throw new TypeError(`useWindow: ${topic} has no results of a window`)
      if (panes.take(event.data, panes.epochs.placeOf(event)!)) report.changed()
    }
    const past = {
      // Read as it is requested: before the first connection the clock of the server is not known.
      get time() {
        return client.now() - pastMs
      },
    }
    const from = Number.isFinite(pastMs) ? past : ('earliest' as const)
    const subscription = client.subscribe(topic, { ...options, from }, take)
    reportEnds(subscription, subscription.ready, report)
    subscription.onGap((gap) => {
      panes.epochs.note(gap.upTo)
      fill(gap, take, report)
    })
    return { read: () => panes.read(), close: () => subscription.close() }
  }
}

type Pane = AnyPane & { readonly withdrawn?: true }

class PaneTable {
  readonly epochs = new EpochOrder()
  readonly #limit: number
  readonly #panes = new Map<string, { readonly pane: Pane; readonly at: Position }>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether it is news. */
  take(pane: Pane, at: Position): boolean {
    const id = `${pane.start} ${pane.end} ${pane.key}`
    const known = this.#panes.get(id)
    if (known !== undefined && !this.#replaces(pane, at, known)) return false
    // Withdrawn ones stay, so that an earlier revision that comes later is known as such.
    this.#panes.set(id, { pane, at })
    if (this.#panes.size > 2 * this.#limit) this.#forget()
    return true
  }

  read(): readonly AnyPane[] {
    return this.#forget().filter(({ withdrawn }) => withdrawn === undefined)
  }

  /** What Redis has lost is computed again, and its revisions are counted from where they were. */
  #replaces(pane: Pane, at: Position, known: { readonly pane: Pane; readonly at: Position }): boolean {
    const epochs = this.epochs.compareEpochs(at, known.at)
    return epochs > 0 || (epochs === 0 && pane.revision > known.pane.revision)
  }

  /** Keeps the newest. @returns them */
  #forget(): readonly Pane[] {
    const inOrder = [...this.#panes].sort(
      ([, { pane: a }], [, { pane: b }]) => a.start - b.start || a.end - b.end || (a.key < b.key ? -1 : 1),
    )
    for (const [id] of inOrder.splice(0, Math.max(0, inOrder.length - this.#limit))) this.#panes.delete(id)
    return inOrder.map(([, { pane }]) => pane)
  }
}

/** By the shape: flows may pass results on as they are. */
function isPane(data: unknown): data is Pane {
  return typeof (data as Pane | null)?.start === 'number' && typeof (data as Pane).revision === 'number'
}
