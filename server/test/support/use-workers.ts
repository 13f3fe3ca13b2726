import { afterEach } from 'vitest'
import type { Contract } from '../../src/config/contract/model.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'

export interface Workers {
  /** Those of the present test, in the order of their starts. */
  readonly running: readonly RunningWorker[]
  start(log?: (line: string) => void): Promise<RunningWorker>
}

/** Workers of a contract in this process, which are closed after each test. */
export function useWorkers(redisUrl: string, partitions: number, contract: Contract): Workers {
  const running: RunningWorker[] = []
  afterEach(async () => {
    await Promise.all(running.splice(0).map((worker) => worker.close({ deadlineMs: 2_000 })))
  })
  return {
    running,
    async start(log = () => {}) {
      const worker = await startWorker({ redisUrl, partitions, log, workerId: `w-${running.length}` }, contract)
      running.push(worker)
      return worker
    },
  }
}
