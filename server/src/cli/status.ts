import { type Bus, readDeploymentFacts } from '../bus/index.ts'
import { readSettings } from '../config/settings.ts'
import { readLag } from './deployment/lag.ts'
import { runningContract } from './deployment/running-contract.ts'
import { type DeploymentStatus, deploymentStatus } from './deployment/status.ts'
import { statusScreen } from './deployment/status-screen.ts'
import { printableJson } from './printable.ts'
import { withBus } from './running-bus.ts'
import { screenWidth, watched } from './screen.ts'
import { parseOptions } from './usage-error.ts'

export const usage = `tidegate status [--watch] [--json] [--data <folder>]

Shows a deployment on one screen: its gateways and workers with their breakers, who owns which partition and how far behind it
is, slow clients, the memory of Redis, and what does not work. Everything comes from Redis: it works from any machine that
reaches it, also while gateways do not answer. Ends with 1 if something does not work, with 0 if there are only warnings.

  --watch  shows it anew every 2 s, until Ctrl-C
  --json   one JSON object; with --watch one a line
  --data   folder of the \`tidegate start\` to look at, when REDIS_URL is not set

  REDIS             the masters of a cluster, and which partitions each of them has
  CLIENTS, SUBS     open sockets, and their subscriptions
  QUEUED, SLOW      events that wait for slow clients, and how many of those there are
  EVENTS LATE DEAD  since the start of a worker: events folded, late events, dead letters
  COMMIT            its longest commit of the last second
  BEHIND, FOR       record batches that are stored and not computed yet, ~ if estimated, and the age of the oldest

Examples:
  tidegate status
  tidegate status --watch
  REDIS_URL=redis://127.0.0.1:6379 tidegate status --json | jq '.partitions[] | select(.lag.ageMs > 5000)'
`

const WAIT_MS = 2_000

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch */
export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, {
    watch: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const { ackReplicas } = readSettings({ data: flags.data })
  return withBus(flags, 'status', async (bus, url) => {
    const look = async () => {
      const status = await readStatus(bus, url, ackReplicas)
      const lines = flags.json ? [printableJson(status)] : statusScreen(status, screenWidth())
      return { lines, code: status.ok ? 0 : 1 }
    }
    return watched(look, flags)
  })
}

async function readStatus(bus: Bus, url: string, ackReplicas: number): Promise<DeploymentStatus> {
  const [facts, contract] = await Promise.all([readDeploymentFacts(url, WAIT_MS), runningContract(bus)])
  const lag = await readLag(bus, contract)
  return deploymentStatus(facts, lag, Date.now(), ackReplicas)
}
