import { custom, type Pane } from 'tidegate'

interface Hottest {
  readonly bids: number
  readonly auctions: readonly string[]
}

/**
 * The auctions with the most bids of the panes of one window, all of them where several have as many, in order of id.
 */
export const hottest = custom<Pane<{ readonly bids: number }>, Hottest, Hottest>({
  version: 1,
  init: () => ({ bids: 0, auctions: [] }),
  add: (state, { key, value: { bids } }) => hotter(state, { bids, auctions: [key] }),
  merge: hotter,
  result: ({ bids, auctions }) => ({ bids, auctions: [...auctions].sort() }),
  encode: (state) => JSON.stringify(state),
  decode: (text) => JSON.parse(text) as Hottest,
})

function hotter(a: Hottest, b: Hottest): Hottest {
  if (a.bids !== b.bids) return a.bids > b.bids ? a : b
  return { bids: a.bids, auctions: [...a.auctions, ...b.auctions] }
}
