import { type Bus, openBus } from '../bus/index.ts'
import { readSettings } from '../config/settings.ts'
import { runningRedisUrl } from './running-redis.ts'

const CONNECT_DEADLINE_MS = 5_000

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
  const bus = await openBus({ url, name, channels: ['query'], waitMs: CONNECT_DEADLINE_MS })
  try {
    return await use(bus, url)
  } finally {
    bus.close()
  }
}
