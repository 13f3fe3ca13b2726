import { PARTITIONS } from '../support/log-filler.ts'
import type { TimedBid } from './generator.ts'
import { ResultLedger } from './ledger.ts'
import { LocalDeployment } from './local-deployment.ts'
import type { Query } from './query.ts'
import { BIDS, bidBatches, endOf } from './stream.ts'

export interface CheckReport {
  readonly results: number
  /** Differences from the recompute; empty when there are none. */
  readonly faults: readonly string[]
}

/** Runs a query in this process, with the worker's fold, and compares it with the recompute. */
export function checkLocally(query: Query, bids: readonly TimedBid[], seed: number): CheckReport {
  const ledger = new ResultLedger(query, endOf(bids))
  const deployment = new LocalDeployment(query.contract, {
    partitions: PARTITIONS,
    seed,
    result: query.result,
    onResult: (event) => ledger.add(event),
  })
  for (const { partition, events } of bidBatches(bids, query.keyField)) deployment.fold(partition, BIDS, events)
  deployment.finish()
  return { results: ledger.size, faults: ledger.faults(query.expected(bids)) }
}
