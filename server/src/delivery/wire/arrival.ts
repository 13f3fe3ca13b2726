import type { TracedEvents } from './traced-events.ts'

/** When an entry that the tail has just read was stored, and its first event stamped: ms of the monotonic clock. */
export interface Arrival {
  readonly storedAt: number
  readonly stampedAt: number
  /** Absent where nobody records traces, or none of its events is part of one. */
  readonly traced?: TracedEvents | undefined
}

/** Redis' clock against the monotonic one. */
export interface StoreTime {
  /** What the monotonic clock showed at a time of Redis; `undefined` while that is not known. */
  monotonicAt(time: number): number | undefined
}

/** The clocks of all Redis: each partition lies in one. */
export interface StoreTimes {
  of(partition: number): StoreTime
}

/** An entry, as far as it says when. */
interface Timed {
  readonly streamId: string
  readonly header: { readonly count: number; readonly times: ArrayLike<number> }
}

/** `undefined` where it cannot be told. */
export function arrivalOf({ streamId, header }: Timed, time: StoreTime): Arrival | undefined {
  const storedAt = time.monotonicAt(Number.parseInt(streamId, 10))
  const stampedAt = header.count === 0 ? undefined : time.monotonicAt(header.times[0]!)
  return storedAt === undefined || stampedAt === undefined ? undefined : { storedAt, stampedAt }
}
