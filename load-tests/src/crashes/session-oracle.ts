import { type ExpectedPane, totalOf } from './expected-pane.ts'
import type { Reading } from './reading.ts'

interface Session {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly readings: readonly Reading[]
  /** Of its next pane: one more than the largest of its parts. */
  readonly revision: number
  /** Panes of its parts that subscribers hold. */
  readonly shown: readonly { readonly start: number; readonly end: number; readonly revision: number }[]
  readonly isChanged: boolean
  readonly timing: 'on_time' | 'late'
}

const GAP_MS = 2_000

/**
 * Session windows of one partition, for which nothing is late: a reading and all sessions less than a gap away become
 * one.
 */
export class SessionOracle {
  #sessions: Session[] = []
  #watermark = Number.NEGATIVE_INFINITY

  add(reading: Reading): void {
    const { sensor: key, time } = reading
    const isTouched = (session: Session) => session.key === key && session.start < time + GAP_MS && time < session.end
    const joined = this.#sessions.filter(isTouched)
    const end = Math.max(time + GAP_MS, ...joined.map((session) => session.end))
    this.#sessions = this.#sessions.filter((session) => !isTouched(session))
    this.#sessions.push({
      key,
      start: Math.min(time, ...joined.map(({ start }) => start)),
      end,
      readings: [...joined.flatMap(({ readings }) => readings), reading],
      revision: Math.max(0, ...joined.map(({ revision }) => revision)),
      shown: joined.flatMap(({ shown }) => shown),
      isChanged: true,
      timing: end <= this.#watermark ? 'late' : 'on_time',
    })
  }

  /** The panes that are due once the watermark is there. */
  advance(watermark: number): ExpectedPane[] {
    this.#watermark = watermark
    const due: ExpectedPane[] = []
    this.#sessions = this.#sessions.map((session) => {
      const { key, start, end, readings, revision, shown, isChanged, timing } = session
      if (end > watermark || !isChanged) return session
      for (const each of shown) {
        if (each.start !== start || each.end !== end) due.push({ key, ...each, pane: undefined })
      }
      due.push({ key, start, end, revision, pane: { timing, value: totalOf(readings) } })
      return { ...session, revision: revision + 1, shown: [{ start, end, revision }], isChanged: false }
    })
    return due
  }
}
