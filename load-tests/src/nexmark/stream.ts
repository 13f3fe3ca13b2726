import { type EventBody, partitionOf } from '../../../server/src/bus/index.ts'
import { BATCH_EVENTS, PARTITIONS } from '../support/log-filler.ts'
import { generateNexmark, type NexmarkOptions, type TimedBid } from './generator.ts'

export const BIDS = 'nexmark.bid'
const DAY_MS = 86_400_000

/**
 * Midnight of some day in the past: the same log for the same seed, and nothing looks as if it came from the future.
 */
const MIDNIGHT = Date.UTC(2025, 5, 1)

/** Options of a log whose days meet in the middle, and which is out of order by up to a second. */
export function auctionHouse(options: Pick<NexmarkOptions, 'seed' | 'events' | 'eventsPerSec'>): NexmarkOptions {
  const { events, eventsPerSec } = options
  const startTime = MIDNIGHT - Math.round((events / eventsPerSec / 2) * 1_000)
  return { ...options, startTime, outOfOrderGroup: eventsPerSec }
}

export function bidsOf(options: NexmarkOptions): TimedBid[] {
  const bids: TimedBid[] = []
  for (const event of generateNexmark(options)) if (event.kind === 'bid') bids.push(event)
  return bids
}

export interface BidBatch {
  readonly partition: number
  readonly events: readonly EventBody[]
}

/** The time of what ends the stream: past the end of every window that holds a bid. */
export function endOf(bids: readonly TimedBid[]): number {
  return bids.reduce((latest, { time }) => Math.max(latest, time), 0) + 2 * DAY_MS
}

/**
 * The log of bids as gateways write it: record batches of 100 by partition of the key. The last one of each partition
 * is a single bid at `endOf`, for no auction, so that every window closes.
 */
export function* bidBatches(bids: readonly TimedBid[], keyField: 'auction' | 'bidder'): Generator<BidBatch> {
  const open = Array.from({ length: PARTITIONS }, (): EventBody[] => [])
  for (const { id, time, data } of bids) {
    const key = data[keyField]
    const partition = partitionOf(key, PARTITIONS)
    open[partition]!.push({ id, key, time, data })
    if (open[partition]!.length < BATCH_EVENTS) continue
    yield { partition, events: open[partition]! }
    open[partition] = []
  }
  for (const [partition, events] of open.entries()) if (events.length > 0) yield { partition, events }
  const time = endOf(bids)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const key = nobodyIn(partition)
    yield { partition, events: [{ id: key, key, time, data: { auction: key, bidder: key, price: 0, extra: '' } }] }
  }
}

/** A name that belongs to a partition. */
function nobodyIn(partition: number): string {
  let n = 0
  while (partitionOf(`nobody-${n}`, PARTITIONS) !== partition) n++
  return `nobody-${n}`
}
