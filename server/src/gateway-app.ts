import { fileURLToPath } from 'node:url'
import {
  BREAKER_LIMITS,
  type BreakerLimits,
  type BusClass,
  ContractClaim,
  Guard,
  type GuardState,
  openCommandConnection,
  openTopology,
  readWorkerReports,
  untilReady,
} from './bus/index.ts'
import { systemClock } from './clock.ts'
import type { Contract } from './config/model.ts'
import { Delivery, type DeliveryLimits } from './delivery/index.ts'
import { createUwsTransport, Gateway, Readiness, StaticFiles, Streams } from './gateway/index.ts'
import { Ingest, PublishControl } from './ingest/index.ts'
import { GatewayMetrics } from './observability/gateway-metrics.ts'
import { Queries } from './queries/index.ts'

export interface GatewaySettings {
  readonly redisUrl: string
  readonly partitions: number
  readonly host: string
  readonly port: number
  /** Other gateways of this machine listen on the same port. */
  readonly sharedPort: boolean
  /** Name of this process in `welcome` and metrics. */
  readonly node: string
  readonly delivery: DeliveryLimits
  /** When breakers open, and for how long. */
  readonly breaker?: BreakerLimits
  /** Told once of every change of a breaker. */
  readonly onBreaker?: (state: GuardState) => void
}

export interface RunningGateway {
  readonly port: number
  /** Stops accepting, asks clients to move, answers what was published, closes. Idempotent. */
  close(options: { deadlineMs: number }): Promise<void>
}

const DASHBOARD = fileURLToPath(new URL('../../dashboard/dist', import.meta.url))
const REDIS_START_DEADLINE_MS = 10_000

/** Composition root of a gateway process. Rejects with what to do when Redis, the port or the contract do not fit. */
export async function startGateway(settings: GatewaySettings, contract: Contract): Promise<RunningGateway> {
  const { redisUrl, partitions, node } = settings
  const clock = systemClock
  const appendRedis = openCommandConnection(redisUrl, `${node}-append`)
  const queryRedis = openCommandConnection(redisUrl, `${node}-query`)
  await Promise.all([appendRedis, queryRedis].map((redis) => untilReady(redis, REDIS_START_DEADLINE_MS)))
  await openTopology(queryRedis, partitions)
  const claim = new ContractClaim(queryRedis, contract.hash)
  await claim.start()

  const metrics = new GatewayMetrics(node)
  let tellClients: (state: GuardState) => void = () => {}
  const guard = (busClass: BusClass) =>
    new Guard(busClass, {
      limits: settings.breaker ?? BREAKER_LIMITS,
      onChange(state) {
        metrics.onBreaker(state)
        settings.onBreaker?.(state)
        tellClients(state)
      },
    })
  const guards = { append: guard('append'), tail: guard('tail'), query: guard('query') }
  const delivery = new Delivery({ redisUrl, partitions, contract, limits: settings.delivery, guards, clock })
  const ingest = new Ingest({
    redis: appendRedis,
    guard: guards.append,
    partitions,
    contract,
    clock,
    known: (partition) => delivery.lastTailed(partition),
  })
  const queries = new Queries(queryRedis, guards.query, partitions, contract)
  const readiness = new Readiness(queryRedis, Object.values(guards), partitions, delivery, clock)
  const streams = new Streams(delivery, clock)
  const pages = new StaticFiles()
  await Promise.all([delivery.start(), pages.load(DASHBOARD)])

  const gateway: Gateway = new Gateway(
    {
      node,
      contractHash: contract.hash,
      clock,
      ingest,
      publishControl: new PublishControl(),
      delivery,
      queries,
      onFrame: metrics.onFrame,
    },
    { ingest, queries, readiness, delivery, pages, streams, metrics: () => metrics.render() },
  )
  tellClients = (state) => gateway.tellBus(state)
  const transport = await createUwsTransport(gateway)
  const { port } = await transport.listen({ host: settings.host, port: settings.port, shared: settings.sharedPort })
  metrics.observe({
    sessions: () => gateway.sessionCount,
    pendingBytes: () => ingest.pendingBytes,
    delivery: () => delivery.stats(),
    workers: () => guards.query.run(() => readWorkerReports(queryRedis)),
  })
  gateway.start()

  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number) => {
    readiness.draining = true
    transport.stopListening()
    await gateway.drain(deadlineMs)
    claim.close()
    await delivery.close({ deadlineMs })
    transport.close()
    appendRedis.disconnect()
    queryRedis.disconnect()
  }
  return {
    port,
    close: ({ deadlineMs }) => {
      closing ??= close(deadlineMs)
      return closing
    },
  }
}
