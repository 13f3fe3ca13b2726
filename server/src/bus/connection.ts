import { type RedisOptions as AnyRedisOptions, Redis } from 'ioredis'

export type { Redis } from 'ioredis'

type RedisOptions = Omit<AnyRedisOptions, 'replyMapping'>

/** How long a single non-blocking command may take before its caller is told that Redis does not answer. */
export const COMMAND_DEADLINE_MS = 1_000
/** A connection on which something is awaited and nothing comes for so long is given up for a new one. */
const SILENCE_MS = 1_500
/** Longest wait of one blocking read; short enough that a dead connection is noticed soon. */
export const BLOCK_MS = 1_000

const COMMON: RedisOptions = {
  // A queue in front of a dead Redis is unbounded memory: callers get the refusal at once and decide.
  enableOfflineQueue: false,
  // ioredis would send an unanswered XADD again after a reconnect and store it twice.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 4), 500) * (0.5 + Math.random()),
}

/** A connection for commands that answer at once. The caller owns it and closes it with `disconnect()`. */
export function openCommandConnection(url: string, name: string): Redis {
  return connect(url, {
    ...COMMON,
    connectionName: `tidegate-${name}`,
    commandTimeout: COMMAND_DEADLINE_MS,
    socketTimeout: SILENCE_MS,
  })
}

/** A connection for one blocking XREAD at a time. */
export function openBlockingConnection(url: string, name: string): Redis {
  return connect(url, { ...COMMON, connectionName: `tidegate-${name}`, commandTimeout: BLOCK_MS + SILENCE_MS })
}

/** Connection options for BullMQ, which insists on waiting for Redis rather than failing. */
export function queueConnectionOptions(url: string, name: string): RedisOptions {
  return { ...parseRedisUrl(url), maxRetriesPerRequest: null, connectionName: `tidegate-${name}` }
}

/** Resolves once commands can be sent, rejects after `deadlineMs`. */
export async function untilReady(redis: Redis, deadlineMs: number): Promise<void> {
  if (redis.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      redis.off('ready', onReady)
      reject(new Error(`Redis was not reachable within ${deadlineMs} ms. Is it running, and is REDIS_URL right?`))
    }, deadlineMs)
    const onReady = () => {
      clearTimeout(timer)
      resolve()
    }
    redis.once('ready', onReady)
  })
}

function connect(url: string, options: RedisOptions): Redis {
  const redis = new Redis({ ...parseRedisUrl(url), ...options })
  // Without a listener an unreachable Redis would end the process; the refusals of commands tell the story.
  redis.on('error', () => {})
  return redis
}

/** Accepts `redis://`, `rediss://` and the path of a unix socket. */
function parseRedisUrl(url: string): RedisOptions {
  if (url.startsWith('/')) return { path: url }
  const { protocol, hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname,
    port: port === '' ? 6379 : Number(port),
    db: pathname.length > 1 ? Number(pathname.slice(1)) : 0,
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  }
}
