import type { TimedBid } from './generator.ts'

export const paneName = (key: string, start: number, end: number): string => `${key} [${start}, ${end})`

/** The bids that each pane holds. */
export function bidsByPane(
  bids: readonly TimedBid[],
  panesOf: (bid: TimedBid) => readonly string[],
): Map<string, TimedBid[]> {
  const panes = new Map<string, TimedBid[]>()
  for (const bid of bids) {
    for (const name of panesOf(bid)) {
      const known = panes.get(name)
      if (known === undefined) panes.set(name, [bid])
      else known.push(bid)
    }
  }
  return panes
}

export function mapValues<Value, Mapped>(
  map: ReadonlyMap<string, Value>,
  apply: (value: Value) => Mapped,
): Map<string, Mapped> {
  return new Map([...map].map(([name, value]) => [name, apply(value)]))
}

/** The pane of `[start, start + size)`, `start` a multiple of the size, that a time lies in. */
export function tumblingPane(key: string, time: number, sizeMs: number): string {
  const start = Math.floor(time / sizeMs) * sizeMs
  return paneName(key, start, start + sizeMs)
}

/** Bids of each bidder and 10 s. */
export function bidsPerBidder(bids: readonly TimedBid[]): Map<string, { bids: number }> {
  const panes = bidsByPane(bids, ({ time, data: { bidder } }) => [tumblingPane(bidder, time, 10_000)])
  return mapValues(panes, ({ length }) => ({ bids: length }))
}
