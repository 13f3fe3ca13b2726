import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { createLog } from '../../observability/log.ts'
import { parseOptions } from '../usage/usage-error.ts'
import { liveAsChild } from './child-life.ts'
import { openGateway } from './gateway.ts'
import { checkOpenFiles } from './open-files.ts'
import { openWorker } from './worker.ts'

export const usage = `tidegate single [--port <n>] [--host <address>] [--config <file>]

Runs one gateway and one worker in one process on the Redis at REDIS_URL, for a small machine.
  --port    port to listen on, 0 for a free one (TIDEGATE_PORT, 8080)
  --host    address to listen on (TIDEGATE_HOST, 127.0.0.1)
  --config  the config file (default: tidegate.config.ts here, else the built-in demo)

Examples:
  REDIS_URL=redis://127.0.0.1:6379 tidegate single
`

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, {
    port: { type: 'string' },
    host: { type: 'string' },
    config: { type: 'string' },
  })
  const settings = readSettings(flags)
  checkOpenFiles(settings.partitions)
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const log = createLog(settings.logLevel, settings.node, 'single')
  const worker = await openWorker(settings, contract, `${settings.node}-worker`, log)
  const { running, ready } = await openGateway(settings, contract, { sharedPort: false, log })
  // The worker answers the commands that the gateway still waits for.
  const close = async ({ deadlineMs }: { readonly deadlineMs: number }) => {
    await running.close({ deadlineMs: deadlineMs / 2 })
    await worker.close({ deadlineMs: deadlineMs / 2 })
  }
  const { metricsPort } = worker
  const failed = Promise.race([running.failed, worker.failed])
  return liveAsChild({ close, failed }, { ...ready, ...(metricsPort !== undefined && { metricsPort }) }, log)
}
