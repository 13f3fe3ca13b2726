import type { Contract } from '../../src/config/model.ts'
import { type GatewaySettings, type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import type { Defect } from '../../src/observability/defects.ts'
import { contract as testContract } from './contract.ts'
import { DELIVERY_LIMITS } from './delivery-limits.ts'
import { startTestRedis, type TestRedis } from './redis.ts'

export interface TestGateway {
  readonly gateway: RunningGateway
  readonly redis: TestRedis
  readonly port: number
  readonly url: string
  /** What was thrown and no code foresaw. */
  readonly defects: readonly Defect[]
  close(): Promise<void>
}

/** A gateway in this process on a Redis of its own, with the test contract and usual settings unless others are given. */
export async function startTestGateway(
  contract: Contract = testContract,
  changes: Partial<GatewaySettings> = {},
): Promise<TestGateway> {
  const redis = await startTestRedis()
  const defects: Defect[] = []
  const settings = {
    redisUrl: redis.url,
    partitions: 4,
    host: '127.0.0.1',
    port: 0,
    sharedPort: false,
    delivery: DELIVERY_LIMITS,
    node: 'gw-test',
    // However busy the machine is that runs the tests: nobody is to be turned away.
    maxLagMs: 10_000,
    onDefect: (defect: Defect) => defects.push(defect),
    ...changes,
  }
  const gateway = await startGateway(settings, contract)
  return {
    gateway,
    redis,
    port: gateway.port,
    url: `http://127.0.0.1:${gateway.port}`,
    defects,
    async close() {
      await gateway.close({ deadlineMs: 100 })
      await redis.close()
    },
  }
}
