import { topic } from 'tidegate'
import { z } from 'zod'

const person = z.object({
  id: z.string(),
  name: z.string(),
  emailAddress: z.string(),
  creditCard: z.string(),
  city: z.string(),
  state: z.string(),
  extra: z.string(),
})

const auction = z.object({
  id: z.string(),
  itemName: z.string(),
  description: z.string(),
  /** Cents, as all prices. */
  initialBid: z.number(),
  reserve: z.number(),
  /** Ms since 1970. */
  expires: z.number(),
  seller: z.string(),
  category: z.number(),
  extra: z.string(),
})

const bid = z.object({ auction: z.string(), bidder: z.string(), price: z.number(), extra: z.string() })

export type Person = z.infer<typeof person>
export type Auction = z.infer<typeof auction>
export type Bid = z.infer<typeof bid>

/** A log per kind of event. Times are the events' own, so the data holds none. */
export const people = topic('nexmark.person', { schema: person, key: 'id', retention: '1d' })
export const auctions = topic('nexmark.auction', { schema: auction, key: 'id', retention: '1d' })

/** Bids in the partitions of their auctions, or of their bidders: a query per key reads the log that has its key. */
export const bidsByAuction = topic('nexmark.bid', { schema: bid, key: 'auction', retention: '1d' })
export const bidsByBidder = topic('nexmark.bid', { schema: bid, key: 'bidder', retention: '1d' })
