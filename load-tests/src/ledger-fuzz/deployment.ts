import { fileURLToPath } from 'node:url'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { type ServerProcess, startTidegate } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'

const CONFIG = fileURLToPath(new URL('./ledger-fuzz.config.ts', import.meta.url))
export const PARTITIONS = 4
/**
 * Room for what waits in each gateway, MiB: the bounds of the node decide in the first, those of the session in the
 * other.
 */
export const QUEUE_MEGABYTES = [2, 128] as const

/** A Redis and two gateways on it, which clients resume at by turns. */
export interface Deployment {
  readonly redis: Redis
  readonly ports: readonly [number, number]
  stop(): Promise<void>
}

export async function startDeployment(): Promise<Deployment> {
  const server = await startBenchRedis()
  const redis = openCommandConnection(server.url, 'ledger-fuzz')
  const gateways: ServerProcess[] = []
  const stop = async () => {
    redis.disconnect()
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await server.close()
  }
  try {
    await untilReady(redis, 5_000)
    // One after the other: the first writes down how many partitions there are.
    for (const megabytes of QUEUE_MEGABYTES) {
      // However busy the machine is: no client is to be turned away.
      const env = {
        TIDEGATE_MAX_LAG_MS: '10000',
        REDIS_URL: server.url,
        TIDEGATE_PARTITIONS: `${PARTITIONS}`,
        TIDEGATE_QUEUE_MB: `${megabytes}`,
        TIDEGATE_LOG_LEVEL: 'error',
      }
      gateways.push(await startTidegate(['gateway', '--port', '0', '--config', CONFIG], env))
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { redis, ports: [gateways[0]!.port, gateways[1]!.port], stop }
}
