import type { Bus } from '../../bus/index.ts'
import { type DescribedContract, readRecord } from '../../config/changes/describe.ts'

/** What the processes that were started last have; `undefined` where none has run, or they are of a version that does not say it. */
export async function runningContract(bus: Bus): Promise<DescribedContract | undefined> {
  const contract = await bus.contract()
  return contract === undefined || contract.record === '' ? undefined : readRecord(contract.record)
}
