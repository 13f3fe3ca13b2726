import { defaultConfigPath, loadConfig } from '../config/load-config.ts'
import { readSettings } from '../config/settings.ts'
import { createLog } from '../observability/log.ts'
import { breakerLimits } from './breaker-limits.ts'
import { liveAsChild } from './child-life.ts'
import { checkOpenFiles } from './open-files.ts'
import { requiredRedisUrl } from './required-redis.ts'
import { parseOptions } from './usage-error.ts'

export const usage = `tidegate worker [--config <file>]

Runs one worker on the Redis at REDIS_URL: flows and windows of the partitions it gets.
  --config  the config file (default: tidegate.config.ts here, else the built-in demo)

Examples:
  REDIS_URL=redis://127.0.0.1:6379 tidegate worker
`

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, { config: { type: 'string' } })
  const settings = readSettings()
  const redisUrl = requiredRedisUrl(settings)
  checkOpenFiles(settings.partitions)
  // Not earlier: its modules alone may exceed the number of files a process may open.
  const { startWorker } = await import('../worker-app.ts')
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const { partitions, node, logLevel } = settings
  const log = createLog(logLevel, node, 'worker')
  const worker = await startWorker(
    {
      redisUrl,
      redisWaitMs: settings.redisWaitSeconds * 1_000,
      partitions,
      workerId: node,
      breaker: breakerLimits(settings),
      log: (message) => log.warn(message),
    },
    contract,
  )
  return liveAsChild(worker, {}, log)
}
