import type { StoredStatus } from '../../../server/src/gateway/index.ts'

/** Steps of history, of two seconds each. */
export const HISTORY_STEPS = 30
/** A rate is the mean over this many steps: short enough to follow, long enough to read. */
const RATE_STEPS = 3

export interface Rate {
  readonly perSecond: number
  /** Events stored since the processes started. */
  readonly total: number
  /** Events of each of the last steps, oldest first. */
  readonly history: readonly number[]
}

const NONE: StoredStatus = { stepMs: 0, until: 0, topics: [] }

/** Events stored by topic, as the server counts them: no event has to come here to be counted. */
export class Rates {
  #stored: StoredStatus | undefined

  /** Whether the server has said anything yet. */
  get isKnown(): boolean {
    return this.#stored !== undefined
  }

  set(stored: StoredStatus): void {
    this.#stored = stored
  }

  read(topic: string): Rate {
    return this.#sum((name) => name === topic)
  }

  /** Of several topics together. */
  readAll(topics: ReadonlySet<string>): Rate {
    return this.#sum((name) => topics.has(name))
  }

  /** Topics whose name ends like this and that have events, with their totals. */
  endingIn(suffix: string): { readonly name: string; readonly total: number }[] {
    const { topics } = this.#stored ?? NONE
    return topics.flatMap(({ topic, total }) =>
      topic.endsWith(suffix) && total > 0 ? [{ name: topic.slice(0, -suffix.length), total }] : [],
    )
  }

  #sum(isOf: (topic: string) => boolean): Rate {
    const { stepMs, topics } = this.#stored ?? NONE
    const history = new Array<number>(HISTORY_STEPS).fill(0)
    let total = 0
    for (const one of topics) {
      if (!isOf(one.topic)) continue
      total += one.total
      const recent = one.recent.slice(-HISTORY_STEPS)
      for (const [i, count] of recent.entries()) history[HISTORY_STEPS - recent.length + i]! += count
    }
    const last = history.slice(-RATE_STEPS).reduce((sum, count) => sum + count, 0)
    return { perSecond: stepMs === 0 ? 0 : last / ((RATE_STEPS * stepMs) / 1_000), total, history }
  }
}
