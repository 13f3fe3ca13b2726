import { type AwayPartitions, type Bus, openBus, openReachableBus, type ReachableBus } from '../../bus/index.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { rangesText } from '../terminal/units.ts'
import { runningRedisUrl } from './running-redis.ts'

const CONNECT_DEADLINE_MS = 5_000
/** Where others may answer. */
const REACH_DEADLINE_MS = 2_000

/** For a command that reads. The caller closes it. @throws as `withBus` */
export function openRunningBus(url: string, name: string): Promise<Bus> {
  return openBus({ url, name, channels: ['query'], waitMs: CONNECT_DEADLINE_MS })
}

/**
 * Looks into the Redis of the deployment that a command is about. Reads only.
 *
 * @throws BusUnreachable when Redis is not there; BusMismatch when nothing of Tidegate is in it
 */
export async function withBus<T>(
  flags: { readonly data?: string | undefined },
  name: string,
  use: (bus: Bus, url: string) => Promise<T>,
): Promise<T> {
  const url = await runningRedisUrl(readSettings({ data: flags.data }))
  const bus = await openRunningBus(url, name)
  try {
    return await use(bus, url)
  } finally {
    bus.close()
  }
}

/** The same of what answers: a master of a cluster that does not costs its own partitions only. @throws as `withBus` */
export async function withReachableBus<T>(
  flags: { readonly data?: string | undefined },
  name: string,
  use: (reached: ReachableBus) => Promise<T>,
): Promise<T> {
  const settings = readSettings({ data: flags.data })
  const url = await runningRedisUrl(settings)
  const reached = await openReachableBus(
    { url, name, channels: ['query'], waitMs: REACH_DEADLINE_MS },
    settings.partitions,
  )
  try {
    return await use(reached)
  } finally {
    reached.bus.close()
  }
}

/** What is not shown of a deployment, and why. */
export function awayLines(away: readonly AwayPartitions[]): string[] {
  return away.map(({ node, why, partitions }) => {
    const missing =
      partitions.length === 0 ? 'nothing' : `partition${partitions.length === 1 ? '' : 's'} ${rangesText(partitions)}`
    return `Node ${node} does not answer, which has ${missing} of this: ${why}`
  })
}
