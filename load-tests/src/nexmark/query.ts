import { fileURLToPath } from 'node:url'
import type { Contract } from '../../../server/src/config/contract/model.ts'
import type { TimedBid } from './generator.ts'

/** The expected output of a query: name of a result -> its value. */
export type Results = ReadonlyMap<string, unknown>

/** A Nexmark query: the config that computes it, and the same computed by brute force. */
export interface Query {
  readonly name: string
  readonly description: string
  readonly contract: Contract
  /** The config as a file, which a worker is started on. */
  readonly configFile: string
  /** Field of a bid that is the key of its log. */
  readonly keyField: 'auction' | 'bidder'
  /** The topic its results are in. */
  readonly result: string
  /** Named by event id for flows, else by `paneName`. */
  readonly expected: (bids: readonly TimedBid[]) => Results
}

/** Names in `queries/` and of topics follow from the name of the query. */
export function query(
  name: string,
  { contract }: { readonly contract: Contract },
  rest: Pick<Query, 'description' | 'keyField' | 'expected'>,
): Query {
  const configFile = fileURLToPath(new URL(`./queries/${name}.config.ts`, import.meta.url))
  return { name, contract, configFile, result: `nexmark.${name.replace('-', '_')}`, ...rest }
}
