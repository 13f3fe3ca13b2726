import { claimPort } from '../../claim-port.ts'
import { defaultConfigPath, isBuiltInConfig, loadConfig } from '../../config/load-config.ts'
import { readSettings, type Settings } from '../../config/settings/settings.ts'
import { localUrl } from '../../local-url.ts'
import { withoutSecrets } from '../../secrets.ts'
import { npmGone } from '../../supervisor/npm-watch.ts'
import { findRedisBinary } from '../../supervisor/redis-binary.ts'
import { Supervisor, type SupervisorOptions } from '../../supervisor/supervisor.ts'
import { readTls } from '../../tls.ts'
import { parseOptions, UsageError } from '../usage/usage-error.ts'
import { CHILD_DRAIN_MS } from './child-life.ts'
import { wantedMetricsPorts } from './metrics-ports.ts'
import { checkOpenFiles } from './open-files.ts'
import { liveUntilSignal, startUntilSignal } from './process-life.ts'
import { openSupervisorOps } from './supervisor-ops.ts'
import { tlsFilesOf } from './tls-files.ts'
import { welcome, whyNoDemo } from './welcome.ts'

export const usage = `tidegate start [options]

Runs everything on this machine: a private Redis (or the one at REDIS_URL), gateways, workers and the demo.
  --port <n>        port of page, HTTP and WebSocket, 0 for a free one (TIDEGATE_PORT, 8080)
  --host <address>  address to listen on (TIDEGATE_HOST, 127.0.0.1)
  --data <folder>   data of the private Redis (TIDEGATE_DATA, .tidegate)
  --config <file>   the config file (default: tidegate.config.ts here, else the built-in demo)
  --no-demo         do not publish simulated events; a config of your own implies it
  --gateways <n>    gateway processes, which share the port (1)
  --workers <n>     worker processes, which share the partitions (1)
  --metrics-port <n>  port of /livez, /readyz and /metrics of this process; workers take those after it
                    (TIDEGATE_METRICS_PORT, the first free ones from 9464 on)
  --small           gateway and worker in one process with a small heap, and two partitions at a first start

Examples:
  tidegate start
  tidegate start --port 9000 --data /var/lib/tidegate --no-demo
  REDIS_URL=redis://10.0.0.5:6379 tidegate start --gateways 2 --workers 2
`

/** Demo and gateways, workers, Redis, one after another. */
const STOP_DEADLINE_MS = 3 * CHILD_DRAIN_MS + 5_000

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, {
    port: { type: 'string' },
    host: { type: 'string' },
    data: { type: 'string' },
    config: { type: 'string' },
    'no-demo': { type: 'boolean', default: false },
    gateways: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    'metrics-port': { type: 'string' },
    small: { type: 'boolean', default: false },
  })
  const settings = readSettings(flags)
  checkOpenFiles(settings.partitions)
  // Not earlier: its modules alone may exceed the number of files a process may open.
  const { anonymousMode, gatewayChoice } = await import('../../access/index.ts')
  const config = flags.config ?? defaultConfigPath(process.cwd())
  // Read here so that an error is reported once and not by each child.
  const { contract } = await loadConfig(config)
  const tls = tlsFilesOf(settings)
  const readFiles = tls && (await readTls(tls))
  const scheme = tls === undefined ? 'http' : 'https'
  const isDemo = !flags['no-demo'] && isBuiltInConfig(config)
  const gateways = count('gateways', flags.gateways)
  const workers = count('workers', flags.workers)
  if (flags.small && gateways + workers > 2) throw new UsageError('--small is one gateway and one worker')
  const adminPorts = await claimAdminPorts(settings, gateways)
  const [ownPort, ...metricsPorts] = await wantedMetricsPorts(settings, 1 + workers)
  const noDemo = isDemo ? whyNoDemo(tls !== undefined, anonymousMode(gatewayChoice(settings, contract))) : undefined
  const life = {
    onStopping: (reason: string) => say(`Stopping (${reason}). Once more ends it at once.`),
    ...(settings.startedByNpm && { orphaned: npmGone() }),
  }
  const supervisor = await startUntilSignal(
    async (stopped) =>
      Supervisor.start(
        {
          redis: await redisFor(settings, stopped),
          scheme,
          host: settings.host,
          port: await claimPort(settings.host, settings.port),
          adminPorts,
          metricsPorts,
          node: settings.node,
          gateways,
          workers,
          isSmall: flags.small,
          config,
          hungSeconds: settings.hungSeconds,
          demo: isDemo && noDemo === undefined,
          say,
        },
        stopped,
      ),
    life,
  )
  if (supervisor === undefined) return 0
  const ops = await openSupervisorOps(supervisor, settings, { port: ownPort, tls: readFiles, warn: say })
  const adminUrls = adminPorts.map((port) => localUrl(scheme, settings.adminHost, port))
  const metricsUrls = [ops.port, ...supervisor.metricsPorts].map((port) => localUrl(scheme, settings.adminHost, port))
  say(welcome({ url: supervisor.url, adminUrls, metricsUrls, isBuiltIn: isBuiltInConfig(config), noDemo }))
  return liveUntilSignal({
    running: { close: () => supervisor.close({ deadlineMs: CHILD_DRAIN_MS }).finally(() => ops.close()) },
    ready: { port: Number(new URL(supervisor.url).port) },
    deadlineMs: STOP_DEADLINE_MS,
    ...life,
  })
}

async function redisFor(
  { redisUrl, dataFolder, ...search }: Settings,
  stopped: AbortSignal,
): Promise<SupervisorOptions['redis']> {
  if (redisUrl !== undefined) return { kind: 'external', url: redisUrl }
  const binary = await findRedisBinary(search, say, stopped)
  return { kind: 'private', options: { binary, dataFolder, say } }
}

/** One for each gateway: what it tells is about itself, and a shared port would ask another one each time. */
function claimAdminPorts({ adminHost, adminPort }: Settings, gateways: number): Promise<number[]> {
  if (adminPort === undefined) return Promise.resolve([])
  const wanted = Array.from({ length: gateways }, (_, index) => (adminPort === 0 ? 0 : adminPort + index))
  return Promise.all(wanted.map((port) => claimPort(adminHost, port)))
}

function count(name: string, value: string): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < 1 || number > 64) throw new UsageError(`--${name} ${value}: from 1 to 64`)
  return number
}

function say(line: string): void {
  process.stdout.write(`${withoutSecrets(line)}\n`)
}
