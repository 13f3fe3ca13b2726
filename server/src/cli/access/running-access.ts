import { type AccessStore, openBus } from '../../bus/index.ts'
import { readSettings } from '../../config/settings/settings.ts'
import { runningRedisUrl } from '../deployment/running-redis.ts'

const CONNECT_DEADLINE_MS = 5_000

/**
 * Uses the keys and revocations of the deployment that a command is about.
 *
 * @param use gets the time of Redis' clock, ms since 1970 @throws when Redis is not there, or nothing of Tidegate in it
 */
export async function withAccess<T>(
  flags: { readonly data?: string | undefined },
  use: (store: AccessStore, now: number) => Promise<T>,
): Promise<T> {
  const url = await runningRedisUrl(readSettings({ data: flags.data }))
  const bus = await openBus({ url, name: 'access', channels: ['query'], waitMs: CONNECT_DEADLINE_MS })
  try {
    return await use(bus.access(), await bus.now())
  } finally {
    bus.close()
  }
}
