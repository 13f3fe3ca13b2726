import { type ServerProcess, startTidegate } from './processes.ts'
import { startBenchRedis } from './redis.ts'

/** A gateway and a worker. */
export interface Both {
  readonly gateway: ServerProcess
  readonly worker: ServerProcess
  /** Ends both. */
  stop(): Promise<void>
}

/** The same on a Redis of their own. */
export interface GatewayAndWorker extends Both {
  readonly redisUrl: string
  /** Ends all three. */
  stop(): Promise<void>
}

/** @param config a file; absent: that of the demo. Where one of them does not start, both are ended */
export async function startBoth(
  redisUrl: string,
  config?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Both> {
  const environment = { REDIS_URL: redisUrl, TIDEGATE_LOG_LEVEL: 'warn', ...env }
  const options = config === undefined ? [] : ['--config', config]
  const starting = [
    startTidegate(['gateway', '--port', '0', ...options], environment),
    startTidegate(['worker', ...options], environment),
  ] as const
  const stop = async () => {
    const started = await Promise.allSettled(starting)
    await Promise.all(started.map((each) => each.status === 'fulfilled' && each.value.stop()))
  }
  try {
    const [gateway, worker] = await Promise.all(starting)
    return { gateway, worker, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @param config as in `startBoth`. Where something does not start, nothing is left */
export async function startGatewayAndWorker(
  config?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<GatewayAndWorker> {
  const redis = await startBenchRedis()
  try {
    const both = await startBoth(redis.url, config, env)
    const stop = async () => {
      await both.stop()
      await redis.close()
    }
    return { ...both, redisUrl: redis.url, stop }
  } catch (error) {
    await redis.close()
    throw error
  }
}
