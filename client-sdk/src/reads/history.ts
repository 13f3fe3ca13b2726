import { comparePositions, type DeliveredEvent, type PositionVector, parsePosition } from '@tidegate/protocol'
import { ABORTABLE, type Abortable, abortable } from '../application/abort-signal.ts'
import { expectOptions, type Kind, wrong } from '../application/arguments.ts'
import type { QueryPage } from './queries.ts'
import { type Asks, pageOf, type Read, readOf } from './read.ts'
import { partitionsOf } from './topics.ts'

/** Events of one page of one partition: as many are held of each partition at a time. */
const PAGE_EVENTS = 256

export interface HistoryReadOptions extends Abortable {
  /**
   * Behind these: one position in each partition, as `positions` of an earlier read, or those of a subscription. A
   * partition without one is read from its beginning. Or behind a time, ms since 1970: only events with later ones.
   */
  readonly after?: readonly string[] | PositionVector | number
  /** Only events with this key. */
  readonly key?: string
  /** Only events with times of `[from, to)`, ms since 1970. */
  readonly from?: number
  /** The end of that range, exclusive. */
  readonly to?: number
  /** At most so many events. */
  readonly limit?: number
}

/** Of a read that covers times. */
export const RANGE_OPTIONS = {
  key: 'a string',
  from: 'a number',
  to: 'a number',
  limit: 'a number',
  ...ABORTABLE,
} as const

/** @throws TypeError for options that there are not, and a limit that is no number of items */
export function expectRange(
  name: string,
  members: Readonly<Record<string, Kind | null>>,
  options: Pick<HistoryReadOptions, 'limit'>,
): void {
  expectOptions(name, members, options)
  if (options.limit !== undefined && options.limit < 0) throw wrong(`${name}.limit`, '0 or more', options.limit)
}

/** Past events of a topic. */
export interface HistoryRead<Event> extends Read<Event> {
  /** Of the last iteration: the position in each partition behind which another read continues. */
  readonly positions: readonly string[]
  /** Of the last iteration: false once something between `after` or `from` and the last event is no longer in the log. */
  readonly complete: boolean
}

/**
 * The stored events of all partitions of a topic. Those of one partition come in the order of its log; of the next ones of
 * all partitions, that with the least time comes first, and of one time that of the first partition. So where the times of
 * each partition rise, all events come in order of time.
 *
 * @throws TidegateError as `query` does; the reason of the signal; TypeError for arguments of other types
 */
export function readHistory<Data = unknown>(
  client: Asks,
  topic: string,
  options: HistoryReadOptions = {},
): HistoryRead<DeliveredEvent<Data>> {
  expectRange('history', { after: null, ...RANGE_OPTIONS }, options)
  let logs: PartitionRead[] = []
  async function* events() {
    const { after, key, from, to, limit = Number.POSITIVE_INFINITY, signal } = options
    const [begins, since] = typeof after === 'number' ? [beginsOf(topic), after + 1] : [beginsOf(topic, after), from]
    if (limit < 1) return
    const params = { topic, key, from: since, to, limit: Math.min(limit, PAGE_EVENTS) }
    const partitions = await partitionsOf(client, { signal })
    const opened = Array.from({ length: partitions }, (_, partition) => {
      const ask = (from: string | undefined) => pageOf(client, 'history', { ...params, partition, after: from }, {})
      return new PartitionRead(ask, begins.get(partition))
    })
    logs = opened
    // Not each by itself: Node warns where more than ten wait for a signal.
    await abortable(signal, Promise.all(opened.map((log) => log.fill())))
    let left = limit
    for (let next = earliest(opened); next !== undefined; next = earliest(opened)) {
      yield next.take() as DeliveredEvent<Data>
      if (--left <= 0) return
      if (next.isDrained) await abortable(signal, next.fill())
    }
  }
  return {
    ...readOf(events),
    get positions() {
      return logs.flatMap(({ position }) => position ?? [])
    },
    get complete() {
      return logs.every(({ complete }) => complete)
    },
  }
}

type AskPage = (after: string | undefined) => Promise<QueryPage>

/** The log of one partition: the page that is being read. */
class PartitionRead {
  readonly #ask: AskPage
  #page: readonly DeliveredEvent[] = []
  #at = 0
  #next: string | undefined
  #hasMore = true
  /** Everything up to here was taken. */
  position: string | undefined
  complete = true

  constructor(ask: AskPage, after: string | undefined) {
    this.#ask = ask
    this.#next = after
    this.position = after
  }

  get head(): DeliveredEvent | undefined {
    return this.#page[this.#at]
  }

  get isDrained(): boolean {
    return this.#at === this.#page.length
  }

  take(): DeliveredEvent {
    const event = this.#page[this.#at++]!
    this.position = event.at
    return event
  }

  /** Reads on until there is an event, or none is left. */
  async fill(): Promise<void> {
    while (this.isDrained && this.#hasMore) {
      const { data, complete, next } = await this.#ask(this.#next)
      this.#page = data as readonly DeliveredEvent[]
      this.#at = 0
      this.complete &&= complete !== false
      // Nothing up to there was asked for.
      if (this.#page.length === 0) this.position = next ?? this.position
      this.#next = next
      this.#hasMore = next !== undefined
    }
  }
}

function earliest(logs: readonly PartitionRead[]): PartitionRead | undefined {
  let first: PartitionRead | undefined
  for (const log of logs) {
    if (log.head !== undefined && (first?.head === undefined || log.head.time < first.head.time)) first = log
  }
  return first
}

/** Partition -> the position behind which to read. Of lanes at different positions the first counts: nothing is left out. */
function beginsOf(topic: string, after: readonly string[] | PositionVector = []): Map<number, string> {
  if (typeof after === 'string') throw wrong('history.after', 'positions', after)
  const positions = Array.isArray(after) ? after : Object.values((after as PositionVector)[topic] ?? {}).flat()
  const begins = new Map<number, string>()
  for (const text of positions as readonly string[]) {
    const position = parsePosition(text)
    if (position === undefined) throw wrong('history.after', 'positions', text)
    const known = begins.get(position.partition)
    if (known === undefined || comparePositions(position, parsePosition(known)!) < 0) {
      begins.set(position.partition, text)
    }
  }
  return begins
}
