import { topic } from 'tidegate'
import { z } from 'zod'

/** `price` in cents. When the bid was made is the time of its event. */
const bid = z.object({ auction: z.string(), bidder: z.string(), price: z.number(), extra: z.string() })

export type Bid = z.infer<typeof bid>

/** Bids in the partitions of their auctions, or of their bidders: a query per key reads the log that has its key. */
export const bidsByAuction = topic('nexmark.bid', { schema: bid, key: 'auction', retention: '1d' })
export const bidsByBidder = topic('nexmark.bid', { schema: bid, key: 'bidder', retention: '1d' })
