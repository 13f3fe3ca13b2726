import { defaultConfigPath, loadConfig } from '../config/load-config.ts'
import { readSettings } from '../config/settings.ts'
import { createLog } from '../observability/log.ts'
import { breakerLimits } from './breaker-limits.ts'
import { liveAsChild } from './child-life.ts'
import { checkOpenFiles } from './open-files.ts'
import { requiredRedisUrl } from './required-redis.ts'
import { tlsFilesOf } from './tls-files.ts'
import { parseOptions } from './usage-error.ts'

export const usage = `tidegate worker [--config <file>] [--metrics-port <n>]

Runs one worker on the Redis at REDIS_URL: flows and windows of the partitions it gets.
  --config        the config file (default: tidegate.config.ts here, else the built-in demo)
  --metrics-port  port of /livez, /readyz and /metrics, 0 for a free one
                  (TIDEGATE_METRICS_PORT, the first free one from 9464 on)

Examples:
  REDIS_URL=redis://127.0.0.1:6379 tidegate worker
`

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, { config: { type: 'string' }, 'metrics-port': { type: 'string' } })
  const settings = readSettings(flags)
  const redisUrl = requiredRedisUrl(settings)
  checkOpenFiles(settings.partitions)
  // Not earlier: its modules alone may exceed the number of files a process may open.
  const { startWorker } = await import('../worker-app.ts')
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const { partitions, node, logLevel, adminHost, metricsPort, hosts } = settings
  const log = createLog(logLevel, node, 'worker')
  const worker = await startWorker(
    {
      redisUrl,
      redisWaitMs: settings.redisWaitSeconds * 1_000,
      partitions,
      workerId: node,
      breaker: breakerLimits(settings),
      log: (message) => log.warn(message),
      ops: { host: adminHost, port: metricsPort, hosts, tls: tlsFilesOf(settings) },
    },
    contract,
  )
  return liveAsChild(worker, { ...(worker.metricsPort !== undefined && { metricsPort: worker.metricsPort }) }, log)
}
