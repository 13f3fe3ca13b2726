import { type Bus, BusMismatch, BusUnavailable, BusUnreachable, readDeploymentFacts } from '../../bus/index.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { readLag, type TopicLag } from '../deployment/lag.ts'
import { openRunningBus } from '../deployment/running-bus.ts'
import { runningContract } from '../deployment/running-contract.ts'
import { runningRedisUrl } from '../deployment/running-redis.ts'
import { deploymentStatus } from '../deployment/status.ts'
import { statusScreen } from '../deployment/status-screen.ts'
import { printableJson } from '../terminal/printable.ts'
import { screenWidth, watched } from '../terminal/screen.ts'
import { parseOptions } from '../usage/usage-error.ts'

export const usage = `tidegate status [--watch] [--json] [--data <folder>]

Shows a deployment on one screen: its gateways and workers with their breakers, who owns which partition and how far behind it
is, slow clients, the memory of Redis, and what does not work. Everything comes from Redis: it works from any machine that
reaches it, also while gateways do not answer. While a master of a cluster does not answer it is named, and the rest is shown.
Ends with 1 if something does not work, with 0 if there are only warnings.

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
/** Of a Redis that answers in part. */
const FORESEEN = [BusUnavailable, BusUnreachable, BusMismatch]

/** Resolves to the exit code. @throws UsageError, BusUnreachable, BusMismatch */
export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, {
    watch: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  })
  const settings = readSettings({ data: flags.data })
  const url = await runningRedisUrl(settings)
  let bus: Bus | undefined
  const look = async () => {
    const facts = await readDeploymentFacts(url, WAIT_MS, settings.partitions)
    // A bus needs all masters.
    const lag =
      facts.away.length > 0
        ? undefined
        : await orUnknown(async () => {
            bus ??= await openRunningBus(url, 'status')
            return readLag(bus, await runningContract(bus))
          })
    const status = deploymentStatus(facts, lag, Date.now(), settings.ackReplicas)
    const lines = flags.json ? [printableJson(status)] : statusScreen(status, screenWidth())
    return { lines, code: status.ok ? 0 : 1 }
  }
  try {
    return await watched(look, flags)
  } finally {
    bus?.close()
  }
}

/** What keeps it from being read is among the findings. */
async function orUnknown(read: () => Promise<readonly TopicLag[]>): Promise<readonly TopicLag[] | undefined> {
  try {
    return await read()
  } catch (error) {
    if (FORESEEN.some((kind) => error instanceof kind)) return undefined
    throw error
  }
}
