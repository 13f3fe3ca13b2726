import { type Bus, openBus } from '../bus/index.ts'
import { readSettings } from '../config/settings.ts'
import { runningRedisUrl } from './running-redis.ts'

const CONNECT_DEADLINE_MS = 5_000

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
