import { type ServerProcess, startTidegate } from './processes.ts'
import { startBenchRedis } from './redis.ts'

/** A gateway and a worker on a Redis of their own. */
export interface GatewayAndWorker {
  readonly redisUrl: string
  readonly gateway: ServerProcess
  readonly worker: ServerProcess
  /** Ends all three. */
  stop(): Promise<void>
}

/** @param config a file; absent: that of the demo */
export async function startGatewayAndWorker(
  config?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<GatewayAndWorker> {
  const redis = await startBenchRedis()
  const environment = { REDIS_URL: redis.url, TIDEGATE_LOG_LEVEL: 'warn', ...env }
  const options = config === undefined ? [] : ['--config', config]
  const starting = [
    startTidegate(['gateway', '--port', '0', ...options], environment),
    startTidegate(['worker', ...options], environment),
  ] as const
  const stop = async () => {
    const started = await Promise.allSettled(starting)
    await Promise.all(started.map((each) => each.status === 'fulfilled' && each.value.stop()))
    await redis.close()
  }
  try {
    const [gateway, worker] = await Promise.all(starting)
    return { redisUrl: redis.url, gateway, worker, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
