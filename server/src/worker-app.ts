import { BackfillPool } from './backfill/index.ts'
import { type BreakerLimits, openBus } from './bus/index.ts'
import { claimOf } from './config/describe.ts'
import type { Contract } from './config/model.ts'
import { Pipeline } from './fold/index.ts'
import { createReport } from './observability/defects.ts'
import { shownError } from './observability/shown-error.ts'
import { PartitionPool } from './own/index.ts'

export interface WorkerSettings {
  readonly redisUrl: string
  readonly partitions: number
  /** How long Redis is waited for at the start, ms. */
  readonly redisWaitMs?: number
  /** Name of this process, unique among the workers of the deployment. */
  readonly workerId: string
  readonly log: (message: string) => void
  /** When breakers open, and for how long. */
  readonly breaker?: BreakerLimits
}

export interface RunningWorker {
  /** Hands the partitions over and closes. Idempotent. */
  close(options: { deadlineMs: number }): Promise<void>
}

/** Composition root of a worker process. Rejects with what to do when Redis or the contract do not fit. */
export async function startWorker(settings: WorkerSettings, contract: Contract): Promise<RunningWorker> {
  const { redisUrl, partitions, redisWaitMs, breaker, workerId, log } = settings
  // Gateways report what the operator has to take care of: once is enough.
  const bus = await openBus({
    url: redisUrl,
    name: workerId,
    partitions,
    contract: claimOf(contract),
    entities: contract.entities,
    storesEntities: true,
    channels: ['jobs', 'commit', 'tail'],
    ...(redisWaitMs !== undefined && { waitMs: redisWaitMs }),
    ...(breaker !== undefined && { breaker }),
    onBreaker: (state) => log(`breaker ${state.class}: ${state.state}`),
  })
  const report = createReport(({ id, where, error }) => {
    const { stack, message } = shownError(error)
    log(`${where} (${id}): ${stack ?? message}`)
  })
  const shared = { bus, clock: await bus.startClock(), log }
  const pool = new PartitionPool({ ...shared, report, workerId, pipeline: new Pipeline(contract) })
  await pool.start()
  const backfills = new BackfillPool({ ...shared, contract })
  await backfills.start()

  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number) => {
    await Promise.all([pool.close(deadlineMs), backfills.close(deadlineMs)])
    bus.close()
  }
  return {
    close: ({ deadlineMs }) => {
      closing ??= close(deadlineMs)
      return closing
    },
  }
}
