import type { DeliveredEvent } from '@tidegate/protocol'
import { ABORTABLE, type Abortable } from '../application/abort-signal.ts'
import { expectOptions } from '../application/arguments.ts'
import { TidegateError } from '../errors/errors.ts'
import { isNumber } from '../frames/checks.ts'
import { expectRange, RANGE_OPTIONS, readHistory } from './history.ts'
import { type Asks, pagesOf, type Read, readOf } from './read.ts'

/** Windows of one read. Twice as many are held at a time. */
const MAX_WINDOWS = 10_000

export interface WindowReadOptions extends Abortable {
  /** Only windows of this key; `*` over all keys. */
  readonly key?: string
  /** Only windows that start in `[from, to)`, ms since 1970. */
  readonly from?: number
  /** The end of that range, exclusive. */
  readonly to?: number
  /** At most so many windows, the first ones; 10,000 where absent, and at most. */
  readonly limit?: number
}

export interface LatestReadOptions extends Abortable {
  /** Only the latest result of this key. */
  readonly key?: string
}

/** What reads need of a pane, and of a withdrawal of one. */
interface Result {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly revision: number
  readonly withdrawn?: boolean | undefined
}

/**
 * The windows of a time, each once with its last revision, in order of start and key. Withdrawn ones are left out. Of a
 * discarding window that is the last part alone: read its history.
 *
 * @throws TidegateError as `query` does, `not_found` where events are no results; the reason of the signal; TypeError for arguments
 *   of other types
 */
export function readWindows<Pane = unknown>(client: Asks, name: string, options: WindowReadOptions = {}): Read<Pane> {
  expectRange('window', RANGE_OPTIONS, options)
  const { to, limit = MAX_WINDOWS, ...past } = options
  const { from } = past
  return readOf(async function* () {
    const first = new FirstWindows(Math.min(limit, MAX_WINDOWS))
    // An event of a result has the last ms of its window as its time, so none with an earlier one starts at `from`.
    const events = readHistory<Result>(client, name, past)
    for await (const { data } of events) {
      // Of a topic that is neither a window nor a flow of its results.
      if (!isNumber(data.revision)) throw new TidegateError('not_found', `No window ${name}. Read its history.`)
      if ((from === undefined || data.start >= from) && (to === undefined || data.start < to)) first.add(data)
    }
    for (const pane of first.all()) yield pane as Pane
  })
}

/** The latest result of each key. @throws TidegateError as `query` does; the reason of the signal */
export function readLatest<Pane = unknown>(client: Asks, name: string, options: LatestReadOptions = {}): Read<Pane> {
  expectOptions('latest', { key: 'a string', ...ABORTABLE }, options)
  return readOf(async function* () {
    for await (const page of pagesOf(client, 'window', { name, key: options.key }, options))
      for (const { data } of page as readonly DeliveredEvent<Pane>[]) yield data
  })
}

/**
 * The first windows of a log of results, as its last word on them. Beyond their number the last ones are dropped, and from
 * then on everything behind them: so what is left is complete.
 */
class FirstWindows {
  readonly #most: number
  readonly #windows = new Map<string, Result>()
  /** Windows from this one on were dropped. */
  #cut: Result | undefined

  constructor(most: number) {
    this.#most = most
  }

  add(result: Result): void {
    if (this.#cut !== undefined && inOrder(result, this.#cut) >= 0) return
    const name = `${result.start} ${result.key}`
    const known = this.#windows.get(name)
    if (known !== undefined && known.revision > result.revision) return
    this.#windows.set(name, result)
    // Not one by one: to find the last ones costs a look at all of them.
    if (this.#windows.size > 2 * this.#most) this.#drop()
  }

  all(): Result[] {
    const sorted = [...this.#windows.values()].sort(inOrder)
    return sorted.filter(({ withdrawn }) => withdrawn !== true).slice(0, this.#most)
  }

  #drop(): void {
    const sorted = [...this.#windows.values()].sort(inOrder)
    this.#cut = sorted[this.#most]!
    for (const { start, key } of sorted.slice(this.#most)) this.#windows.delete(`${start} ${key}`)
  }
}

function inOrder(a: Result, b: Result): number {
  return a.start - b.start || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
}
