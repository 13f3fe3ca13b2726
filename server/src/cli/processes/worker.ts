import type { Logger } from 'pino'
import type { Contract } from '../../config/contract/model.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings, type Settings } from '../../config/settings/settings.ts'
import { createLog } from '../../observability/log.ts'
import { loadTracing } from '../../tracing/index.ts'
import type { RunningWorker } from '../../worker-app.ts'
import { parseOptions } from '../usage/usage-error.ts'
import { breakerLimits } from './breaker-limits.ts'
import { liveAsChild } from './child-life.ts'
import { checkOpenFiles } from './open-files.ts'
import { requiredRedisUrl } from './required-redis.ts'
import { tlsFilesOf } from './tls-files.ts'

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
  checkOpenFiles(settings.partitions)
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const log = createLog(settings.logLevel, settings.node, 'worker')
  const worker = await openWorker(settings, contract, settings.node, log)
  return liveAsChild(worker, { ...(worker.metricsPort !== undefined && { metricsPort: worker.metricsPort }) }, log)
}

/** Starts the worker of this process. @throws with what to do when Redis or the contract do not fit. */
export async function openWorker(
  settings: Settings,
  contract: Contract,
  workerId: string,
  log: Logger,
): Promise<RunningWorker> {
  const redisUrl = requiredRedisUrl(settings)
  // Not earlier: its modules alone may exceed the number of files a process may open.
  const { startWorker } = await import('../../worker-app.ts')
  const { adminHost, metricsPort, hosts } = settings
  const tracing = settings.tracing === undefined ? undefined : await loadTracing(settings.tracing)
  return startWorker(
    {
      redisUrl,
      redisWaitMs: settings.redisWaitSeconds * 1_000,
      partitions: settings.partitions,
      workerId,
      tracing,
      breaker: breakerLimits(settings),
      log: (message) => log.warn(message),
      ops: { host: adminHost, port: metricsPort, hosts, tls: tlsFilesOf(settings) },
    },
    contract,
  )
}
