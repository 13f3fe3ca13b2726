import type { Logger } from 'pino'
import { anonymousMode, gatewayChoice, modeWarning } from '../../access/index.ts'
import type { Contract } from '../../config/contract/model.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { readSettings, type Settings } from '../../config/settings/settings.ts'
import type { RunningGateway } from '../../gateway-app.ts'
import { Audit } from '../../observability/audit.ts'
import { breakerLog } from '../../observability/breaker-log.ts'
import type { Defect } from '../../observability/defects.ts'
import { createLog } from '../../observability/log.ts'
import { loadTracing } from '../../tracing/index.ts'
import { parseOptions } from '../usage/usage-error.ts'
import { breakerLimits } from './breaker-limits.ts'
import { liveAsChild } from './child-life.ts'
import { checkOpenFiles } from './open-files.ts'
import { requiredRedisUrl } from './required-redis.ts'
import { tlsFilesOf } from './tls-files.ts'

export const usage = `tidegate gateway [--port <n>] [--host <address>] [--shared-port] [--config <file>]

Runs one gateway on the Redis at REDIS_URL: sockets, HTTP and the page.
  --port         port to listen on, 0 for a free one (TIDEGATE_PORT, 8080)
  --host         address to listen on (TIDEGATE_HOST, 127.0.0.1)
  --shared-port  other gateways of this machine listen on the same port
  --config       the config file (default: tidegate.config.ts here, else the built-in demo)

Examples:
  REDIS_URL=redis://127.0.0.1:6379 tidegate gateway
  REDIS_URL=redis://127.0.0.1:6379 tidegate gateway --port 9000 --host 0.0.0.0
`

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, {
    port: { type: 'string' },
    host: { type: 'string' },
    'shared-port': { type: 'boolean', default: false },
    config: { type: 'string' },
  })
  const settings = readSettings(flags)
  checkOpenFiles(settings.partitions)
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  const log = createLog(settings.logLevel, settings.node, 'gateway')
  const { running, ready } = await openGateway(settings, contract, { sharedPort: flags['shared-port'], log })
  return liveAsChild(running, ready, log)
}

export interface OpenGateway {
  readonly running: RunningGateway
  /** For its parent. */
  readonly ready: { readonly port: number; readonly operatorsPort?: number }
}

/** Starts the gateway of this process. @throws with what to do when Redis, the port or the contract do not fit. */
export async function openGateway(
  settings: Settings,
  contract: Contract,
  { sharedPort, log }: { readonly sharedPort: boolean; readonly log: Logger },
): Promise<OpenGateway> {
  const redisUrl = requiredRedisUrl(settings)
  // Not earlier: its modules alone may exceed the number of files a process may open.
  const { startGateway } = await import('../../gateway-app.ts')
  const { windowBytes, lowWaterPercent, queueMegabytes, onSlow, maxRate, adminHost, adminPort } = settings
  const delivery = {
    windowBytes,
    lowWaterShare: lowWaterPercent / 100,
    queueBytes: queueMegabytes * 1_048_576,
    onSlow,
    maxRate,
  }
  const onBreaker = breakerLog((line, state) => log.warn({ breaker: state }, line))
  const onDefect = ({ id, where, error }: Defect) => log.error({ defect: id, err: error }, `defect in ${where}`)
  const breaker = breakerLimits(settings)
  // Whatever the level of the log is: accounts are asked for afterwards.
  const auditLog = createLog(settings.logLevel === 'silent' ? 'silent' : 'info', settings.node, 'gateway')
  const tracing = settings.tracing === undefined ? undefined : await loadTracing(settings.tracing)
  const choice = gatewayChoice(settings, contract)
  const gateway = await startGateway(
    {
      ...settings,
      tracing,
      redisUrl,
      redisWaitMs: settings.redisWaitSeconds * 1_000,
      warn: (line) => log.warn(line),
      sharedPort,
      tls: tlsFilesOf(settings),
      operators: adminPort === undefined ? undefined : { host: adminHost, port: adminPort },
      access: {
        anonymous: anonymousMode(choice),
        certificateName: settings.certificateName,
        secret: settings.jwtSecret,
        publicKey: settings.jwtPublicKey,
        jwksUrl: settings.jwksUrl,
        issuer: settings.jwtIssuer,
        audience: settings.jwtAudience,
        toleranceSeconds: settings.jwtToleranceSeconds,
        rightsClaim: settings.jwtRightsClaim,
      },
      delivery,
      breaker,
      readyShare: settings.readyPercent / 100,
      storageShare: settings.storagePercent / 100,
      maxPartitionBytes: settings.partitionMegabytes && settings.partitionMegabytes * 1_048_576,
      onBreaker,
      audit: new Audit(auditLog),
      onDefect,
    },
    contract,
  )
  const warning = modeWarning(choice, gateway.access)
  if (warning !== undefined) log.warn(warning)
  const { port, operatorsPort } = gateway
  return { running: gateway, ready: { port, ...(operatorsPort !== undefined && { operatorsPort }) } }
}
