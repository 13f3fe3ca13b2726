import {
  BREAKER_LIMITS,
  type BreakerLimits,
  ContractClaim,
  checkRedis,
  openCommandConnection,
  openTopology,
  RedisClock,
  redisNow,
  untilReady,
} from './bus/index.ts'
import type { Contract } from './config/model.ts'
import { BackfillPool, PartitionPool, Pipeline } from './workers/index.ts'

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

const DEFAULT_REDIS_WAIT_MS = 10_000

/** Composition root of a worker process. Rejects with what to do when Redis or the contract do not fit. */
export async function startWorker(settings: WorkerSettings, contract: Contract): Promise<RunningWorker> {
  const { redisUrl, partitions, workerId, log } = settings
  const redis = openCommandConnection(redisUrl, workerId)
  await untilReady(redis, settings.redisWaitMs ?? DEFAULT_REDIS_WAIT_MS)
  // A gateway tells what the operator has to take care of: once is enough.
  await checkRedis(redis, () => {})
  await openTopology(redis, partitions)
  const claim = new ContractClaim(redis, contract.hash)
  await claim.start()
  const pipeline = new Pipeline(contract)
  const clock = new RedisClock(() => redisNow(redis))
  await clock.start()
  const shared = { redisUrl, redis, partitions, workerId, clock, log }
  const pool = new PartitionPool({ ...shared, pipeline, breaker: settings.breaker ?? BREAKER_LIMITS })
  await pool.start()
  const backfills = new BackfillPool({ ...shared, contract })
  backfills.start()

  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number) => {
    await Promise.all([pool.close(deadlineMs), backfills.close(deadlineMs)])
    claim.close()
    clock.close()
    redis.disconnect()
  }
  return {
    close: ({ deadlineMs }) => {
      closing ??= close(deadlineMs)
      return closing
    },
  }
}
