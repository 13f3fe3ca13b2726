import type { Gap } from '@tidegate/client'

export interface GapLine {
  readonly topic: string
  readonly lane: Gap['lane']
  readonly reason: Gap['reason']
  readonly gaps: number
  /** Events known to be withheld. */
  readonly events: number
  /** Some of the gaps could not say how many events they hold. */
  readonly orMore: boolean
  /** Local time of the last one, ms since 1970. */
  readonly lastAtMs: number
}

/** What was withheld from this page, added up per topic, lane and reason. Bounded by the config, not by time. */
export class GapTally {
  readonly #lines = new Map<string, GapLine>()
  #count = 0

  /** Gaps reported so far. */
  get count(): number {
    return this.#count
  }

  /** Latest first. */
  get lines(): readonly GapLine[] {
    return [...this.#lines.values()].sort((a, b) => b.lastAtMs - a.lastAtMs)
  }

  get total(): { readonly events: number; readonly orMore: boolean } {
    const lines = [...this.#lines.values()]
    return { events: lines.reduce((sum, { events }) => sum + events, 0), orMore: lines.some(({ orMore }) => orMore) }
  }

  add({ topic, lane, reason, count }: Gap, nowMs: number): void {
    this.#count++
    const id = `${topic} ${lane} ${reason}`
    const known = this.#lines.get(id)
    this.#lines.set(id, {
      topic,
      lane,
      reason,
      gaps: (known?.gaps ?? 0) + 1,
      events: (known?.events ?? 0) + (count ?? 0),
      orMore: (known?.orMore ?? false) || count === null,
      lastAtMs: nowMs,
    })
  }
}
