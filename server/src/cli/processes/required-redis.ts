import type { Settings } from '../../config/settings/settings.ts'

/** The Redis of a process that runs on its own. @throws when REDIS_URL is not set. */
export function requiredRedisUrl({ redisUrl }: Settings): string {
  if (redisUrl !== undefined) return redisUrl
  throw new Error(
    'REDIS_URL is not set, and gateways and workers that run on their own share a Redis: ' +
      'REDIS_URL=redis://127.0.0.1:6379. `tidegate start` brings a private one.',
  )
}
