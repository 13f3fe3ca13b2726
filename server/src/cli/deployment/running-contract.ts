import type { Bus } from '../../bus/index.ts'
import { type DescribedContract, readRecord } from '../../config/describe.ts'

/** What the processes that were started last have; `undefined` where they are of a version that does not say it. */
export async function runningContract(bus: Bus): Promise<DescribedContract | undefined> {
  const record = await bus.contractRecord()
  return record === undefined ? undefined : readRecord(record)
}
