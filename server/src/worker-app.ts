import { BackfillPool } from './backfill/index.ts'
import { type BreakerLimits, openBus } from './bus/index.ts'
import { systemClock } from './clock.ts'
import { claimOf } from './config/changes/claim.ts'
import type { Contract } from './config/contract/model.ts'
import { Pipeline } from './fold/index.ts'
import { breakerLog } from './observability/breaker-log.ts'
import { createReport } from './observability/defects.ts'
import { shownError } from './observability/shown-error.ts'
import { WorkerMetrics } from './observability/worker-metrics.ts'
import { openOpsServer } from './ops/index.ts'
import { PartitionPool, WorkerReadiness, WorkerStats } from './own/index.ts'
import { readTls, type TlsFiles } from './tls.ts'
import { Spans, type Tracing } from './tracing/index.ts'
import type { HostPattern } from './web-origin.ts'

/** Where a process that serves no clients answers operators. */
export interface OpsAddress {
  readonly host: string
  /** 0 for a free one; absent for the first free one from 9464 on. */
  readonly port?: number | undefined
  /** Further names that it is reached by. */
  readonly hosts: readonly HostPattern[]
  readonly tls?: TlsFiles | undefined
}

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
  /** Absent: nowhere. */
  readonly ops?: OpsAddress
  /** What records traces; absent: nothing does. */
  readonly tracing?: Tracing | undefined
}

export interface RunningWorker {
  /** Where operators are answered. */
  readonly metricsPort?: number
  /** Resolves with why it MUST be closed, if it has to. */
  readonly failed: Promise<Error>
  /** Hands the partitions over and closes. Idempotent. */
  close(options: { deadlineMs: number }): Promise<void>
}

/** Composition root of a worker process. Rejects with what to do when Redis, the port or the contract do not fit. */
export async function startWorker(settings: WorkerSettings, contract: Contract): Promise<RunningWorker> {
  const { redisUrl, partitions, redisWaitMs, breaker, workerId, log, ops, tracing } = settings
  const tls = ops?.tls && (await readTls(ops.tls))
  let fail: (why: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  // Gateways report what the operator has to take care of: once is enough.
  const bus = await openBus({
    url: redisUrl,
    name: workerId,
    partitions,
    contract: claimOf(contract),
    entities: contract.entities,
    storesEntities: true,
    channels: ['jobs', 'commit', 'answers', 'tail'],
    ...(redisWaitMs !== undefined && { waitMs: redisWaitMs }),
    ...(breaker !== undefined && { breaker }),
    onOusted: (why) => fail(why),
    onBreaker: breakerLog(log),
  })
  const report = createReport(({ id, where, error }) => {
    const { stack, message } = shownError(error)
    log(`${where} (${id}): ${stack ?? message}`)
  })
  await bus.startClocks()
  const shared = { bus, log }
  const metrics = new WorkerMetrics(workerId)
  const stats = new WorkerStats((partition) => bus.clock(partition), metrics.onCommit)
  const spans = tracing && new Spans(tracing, systemClock, report)
  const pool = new PartitionPool({ ...shared, spans, report, stats, workerId, pipeline: new Pipeline(contract) })
  const breakers = () => bus.breakers
  const monotonic = () => performance.now()
  const readiness = new WorkerReadiness({ stats, breakers, heardAt: () => pool.heardAt, monotonic })
  metrics.observe({
    partitions,
    breakers,
    isReady: () => readiness.report().ready,
    owned: () => stats.partitions(),
    totals: () => stats.totals(),
    redis: (isOwned) => bus.redisStates(isOwned),
  })
  const server =
    ops &&
    (await openOpsServer({
      ...ops,
      tls,
      readiness: () => readiness.report(),
      metrics: () => metrics.render(),
      warn: log,
    }).catch((error) => {
      bus.close()
      throw error
    }))
  await pool.start()
  const backfills = new BackfillPool({ ...shared, contract })
  await backfills.start()

  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number) => {
    readiness.drain()
    await Promise.all([pool.close(deadlineMs), backfills.close(deadlineMs)])
    server?.close()
    bus.close()
    await spans?.flush()
  }
  return {
    failed,
    ...(server !== undefined && { metricsPort: server.port }),
    close: ({ deadlineMs }) => {
      closing ??= close(deadlineMs)
      return closing
    },
  }
}
