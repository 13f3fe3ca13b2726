import type { Contract } from '../../src/config/contract/model.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { type GatewaySettings, type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import type { Defect } from '../../src/observability/defects.ts'
import { PATIENT_APPEND_MS } from './bus.ts'
import { contract as testContract } from './contract.ts'
import { DELIVERY_LIMITS } from './delivery-limits.ts'
import { startTestRedis, type TestRedis } from './redis.ts'

export interface TestGateway {
  /** The one that runs now. */
  readonly gateway: RunningGateway
  readonly redis: TestRedis
  readonly port: number
  readonly url: string
  /** Everything ends at once, Redis keeps so many bytes of its append-only file, and everything starts again. */
  powerCut(options: { readonly logBytes: number }): Promise<void>
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
    transport: readSettings().transport,
    delivery: DELIVERY_LIMITS,
    node: 'gw-test',
    // However busy the machine is that runs the tests: nobody is to be turned away.
    maxLagMs: 10_000,
    appendDeadlineMs: PATIENT_APPEND_MS,
    onDefect: (defect: Defect) => defects.push(defect),
    ...changes,
  }
  let gateway = await startGateway(settings, contract)
  const { port } = gateway
  return {
    get gateway() {
      return gateway
    },
    redis,
    port,
    url: `http://127.0.0.1:${port}`,
    async powerCut({ logBytes }) {
      await gateway.close({ deadlineMs: 0 })
      await redis.restart({ logBytes })
      gateway = await startGateway({ ...settings, port }, contract)
    },
    defects,
    async close() {
      await gateway.close({ deadlineMs: 100 })
      await redis.close()
    },
  }
}
