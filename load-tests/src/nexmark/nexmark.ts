import type { Benchmark } from '../support/benchmark.ts'
import { measure } from './measure.ts'
import { QUERIES } from './queries/index.ts'
import { auctionHouse, bidsOf } from './stream.ts'

const SEED = 1
const EVENTS = 1_000_000
/** Of event time, as in the published generator by default. */
const EVENTS_PER_SEC = 10_000

export const nexmark: Benchmark = {
  description: 'Nexmark q1, q2, q5, q7, q11, q12, q17: a worker draining a log of bids, every result checked',
  control: 'none: results are compared with a recompute, which is about exactness and not about speed',
  notMeasured:
    'gateway, subscribers, several workers; people and auctions, which these queries do not read. ' +
    "Flink's published figures per core (docs/nexmark.md) were measured on other hardware: no ratio to them is meant",
  async run(progress) {
    const bids = bidsOf(auctionHouse({ seed: SEED, events: EVENTS, eventsPerSec: EVENTS_PER_SEC }))
    const queries: Record<string, Record<string, number | boolean>> = {}
    for (const query of QUERIES) {
      const { faults, ...figures } = await measure(query, bids)
      for (const fault of faults) progress(`${query.name}: ${fault}`)
      queries[query.name] = { ...figures, exact: faults.length === 0 }
      progress(`${query.name}: ${figures.eventsPerSecPerCore} events/s per core, ${figures.results} results`)
    }
    const exact = Object.values(queries).every((each) => each.exact)
    if (!exact) process.exitCode = 1
    return { seed: SEED, exact, queries }
  },
}
