import { type RedisOptions as AnyRedisOptions, Redis } from 'ioredis'
import { parseRedisAddress } from '../redis-address.ts'
import { connectionFault, SILENT } from './connection-fault.ts'
import { BusUnreachable } from './errors.ts'

export type { Redis } from 'ioredis'

type RedisOptions = Omit<AnyRedisOptions, 'replyMapping'>

/** How long a single non-blocking command may take before its caller is told that Redis does not answer. */
export const COMMAND_DEADLINE_MS = 1_000
/** A connection on which something is awaited and nothing comes for so long is given up for a new one. */
const SILENCE_MS = 1_500
/** Calls have a deadline where they are made. Beyond this one an answer that keeps arriving is of no use to anybody. */
const LAST_DEADLINE_MS = 6_000
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
    commandTimeout: LAST_DEADLINE_MS,
    socketTimeout: SILENCE_MS,
  })
}

/** A connection for one blocking XREAD at a time. */
export function openBlockingConnection(url: string, name: string): Redis {
  return connect(url, { ...COMMON, connectionName: `tidegate-${name}`, socketTimeout: BLOCK_MS + SILENCE_MS })
}

/** Bytes that have come over a connection, for `CallOptions` of a guard. */
export const receivedOver = (redis: Redis) => (): number => redis.stream?.bytesRead ?? 0

/** Connection options for BullMQ, which insists on waiting for Redis rather than failing. */
export function queueConnectionOptions(url: string, name: string): RedisOptions {
  return { ...connectionAddress(url), maxRetriesPerRequest: null, connectionName: `tidegate-${name}` }
}

/** Why a connection is not ready, as far as it has said. Forgotten once it is. */
const lastErrors = new WeakMap<Redis, Error>()

/**
 * Resolves once commands can be sent.
 *
 * @throws {BusUnreachable} with the cause, after `deadlineMs`, or at once where waiting does not help.
 */
export async function untilReady(redis: Redis, deadlineMs: number): Promise<void> {
  if (redis.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    const settle = (fault?: string) => {
      clearTimeout(timer)
      redis.off('ready', onReady)
      redis.off('error', onError)
      if (fault === undefined) resolve()
      else reject(new BusUnreachable(fault))
    }
    const onReady = () => settle()
    const onError = (error: Error) => {
      const { why, isFinal } = connectionFault(error)
      if (isFinal) settle(`Redis cannot be used: ${why}`)
    }
    const timer = setTimeout(
      () => settle(`Redis was not reachable within ${deadlineMs} ms: ${whyNot(redis)}`),
      deadlineMs,
    )
    redis.on('ready', onReady)
    redis.on('error', onError)
    const past = lastErrors.get(redis)
    if (past !== undefined) onError(past)
  })
}

function whyNot(redis: Redis): string {
  const error = lastErrors.get(redis)
  if (error !== undefined) return connectionFault(error).why
  // Connected, and its answers are no errors: only a Redis that reads its data does that.
  return redis.status === 'connect' ? connectionFault(new Error('LOADING')).why : SILENT
}

function connect(url: string, options: RedisOptions): Redis {
  const redis = new Redis({ ...connectionAddress(url), ...options })
  // Without a listener an unreachable Redis would end the process; the refusals of commands tell the story.
  redis.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
    lastErrors.set(redis, error)
    // ioredis would go on with database 0.
    if (error.command?.name === 'select') redis.disconnect(true)
  })
  redis.on('ready', () => lastErrors.delete(redis))
  return redis
}

function connectionAddress(url: string): RedisOptions {
  const address = parseRedisAddress(url)
  if (address.kind === 'socket') return { path: address.path }
  const { host, port, database, tls, username, password } = address
  return {
    host,
    port,
    db: database,
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(tls && { tls: {} }),
  }
}
