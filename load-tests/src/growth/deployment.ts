import { fileURLToPath } from 'node:url'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { claimPort } from '../../../server/src/claim-port.ts'
import { openBench } from '../support/catch-up.ts'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { ask, type ServerProcess, startModule } from '../support/processes.ts'
import { BUCKETS } from './frames.ts'
import type { Point } from './point.ts'
import type { PublisherCommand, PublisherReport } from './publisher.ts'
import type { SubscribersOptions } from './subscribers.ts'

/** The processes of a deployment, and its clients. */
export interface Running {
  readonly gateway: ServerProcess
  readonly worker: ServerProcess
  readonly redis: Redis
  readonly redisUrl: string
  /** Where the worker answers `/metrics`; the gateway does so at its port. */
  readonly workerMetricsPort: number
  /** Opens the producers, anew if they are open. */
  open(): Promise<unknown>
  /** At the rate of the point, or at another one. */
  publish(durationMs: number, eventsPerSec?: number): Promise<PublisherReport>
  /** Events delivered since the last call. */
  takeDelivered(): Promise<number>
}

/**
 * Starts gateway, worker, Redis and the clients of a load, and ends them all afterwards.
 *
 * @param env of the gateway, the worker and the clients
 */
export async function withDeployment<T>(
  point: Point,
  use: (running: Running) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const config = fileURLToPath(new URL(`./topics-${point.topics}.config.ts`, import.meta.url))
  const workerMetricsPort = await claimPort('127.0.0.1', 0)
  const { gateway, worker, redisUrl, stop } = await startGatewayAndWorker(config, {
    TIDEGATE_PARTITIONS: `${point.partitions}`,
    TIDEGATE_METRICS_PORT: `${workerMetricsPort}`,
    ...env,
  })
  const closing: (() => unknown)[] = [stop]
  try {
    const redis = await openBench(redisUrl)
    closing.push(() => redis.disconnect())
    const publisher = startModule(new URL('./publisher.ts', import.meta.url), env)
    const subscribers = startModule(new URL('./subscribers.ts', import.meta.url), env)
    closing.push(
      () => publisher.kill(),
      () => subscribers.kill(),
    )
    const { port } = gateway
    const tell = <Answer>(command: PublisherCommand) => ask<Answer>(publisher, command)
    await ask(subscribers, { port, filters: filtersOf(point) } satisfies SubscribersOptions)
    return await use({
      gateway,
      worker,
      redis,
      redisUrl,
      workerMetricsPort,
      open: () => tell({ do: 'open', port, point }),
      publish: (durationMs, eventsPerSec = point.eventsPerSec) => tell({ do: 'publish', durationMs, eventsPerSec }),
      takeDelivered: () => ask(subscribers, 'take'),
    })
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

function filtersOf({ subscribers, filters }: Point): (string | null)[] {
  return [
    ...Array.from({ length: subscribers }, () => null),
    ...Array.from({ length: filters }, (_, n) => `data.bucket == ${n % BUCKETS}`),
  ]
}
