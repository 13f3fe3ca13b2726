import type { Contract } from '../contract/model.ts'
import { contractDifferences, type Relation, relationOf } from './contract-differences.ts'
import { type DescribedContract, describeContract, readRecord } from './describe.ts'

/** How a process describes its contract to the others of its deployment, and compares theirs with it. */
export interface ContractClaim {
  readonly hash: string
  /** What it holds, as JSON. */
  readonly record: string
  /** @param record of another process, possibly of another version */
  relationTo(record: string): Relation
  /** Names what keeps the two from running side by side. */
  differencesFrom(record: string): readonly string[]
}

export function claimOf(contract: Contract): ContractClaim {
  const here = describeContract(contract)
  return {
    hash: contract.hash,
    record: JSON.stringify(here),
    relationTo: (record) => relationOf(here, readRecord(record)),
    differencesFrom: (record) => stopping(readRecord(record), here),
  }
}

function stopping(running: DescribedContract, here: DescribedContract): string[] {
  return contractDifferences(running, here)
    .filter(({ rollout }) => rollout === 'stop')
    .map(
      ({ of, name, change, fields }) => `${of} ${name} ${change}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}`,
    )
}
