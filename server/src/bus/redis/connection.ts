import { Redis } from 'ioredis'
import { CONNECTED_AND_SILENT, connectionFault, SILENT } from '../connection-fault.ts'
import { BusUnreachable, NotConnected } from '../errors.ts'
import { type RedisOptions, routeTo, type Target } from '../route/index.ts'
import { keepArgumentsOutOfErrors } from './error-arguments.ts'
import { isElsewhere, isNotSent } from './outage.ts'

export type { Redis } from 'ioredis'

/** The connection to the Redis that holds a key. */
export type RedisOf = (key: string) => Redis

/** How long a single non-blocking command may take before its caller is told that Redis does not answer. */
export const COMMAND_DEADLINE_MS = 1_000
/** A connection with an unanswered command is replaced after this much silence. */
const SILENCE_MS = 1_500
/** Calls have their own deadlines. An answer that is still arriving after this one is of no use to anybody. */
const LAST_DEADLINE_MS = 6_000
/** For values of up to 512 MiB. */
const BULK_DEADLINE_MS = 60_000
/** Longest wait of one blocking read: short, so that a dead connection is noticed soon. */
export const BLOCK_MS = 1_000

keepArgumentsOutOfErrors()

const reconnectDelayMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 4), 500) * (0.5 + Math.random())

const COMMON: RedisOptions = {
  // A queue in front of a dead Redis is unbounded memory: callers are refused at once and decide themselves.
  enableOfflineQueue: false,
  // ioredis would send an unanswered XADD again after a reconnect and store it twice.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  retryStrategy: reconnectDelayMs,
}

/**
 * A connection for commands that answer at once. The caller owns it and closes it with `disconnect()`.
 *
 * @param target in a cluster; absent: one of its nodes
 */
export function openCommandConnection(url: string, name: string, target?: Target): Redis {
  return connect(url, target, {
    ...COMMON,
    connectionName: `tidegate-${name}`,
    commandTimeout: LAST_DEADLINE_MS,
    socketTimeout: SILENCE_MS,
  })
}

/** A connection for one blocking XREAD at a time. */
export function openBlockingConnection(url: string, name: string, target?: Target): Redis {
  return connect(url, target, { ...COMMON, connectionName: `tidegate-${name}`, socketTimeout: BLOCK_MS + SILENCE_MS })
}

/** A connection for large values, which Redis may take long to read or to write. */
export function openBulkConnection(url: string, name: string, target: Target): Redis {
  return connect(url, target, {
    ...COMMON,
    connectionName: `tidegate-${name}`,
    commandTimeout: BULK_DEADLINE_MS,
    socketTimeout: BULK_DEADLINE_MS,
  })
}

/** Bytes received over a connection, for `CallOptions` of a guard. */
export const receivedOver = (redis: Redis) => (): number => redis.stream?.bytesRead ?? 0

/**
 * What is sent over a connection in this turn of the event loop leaves in one write at its end. ioredis writes each
 * command by itself, and the write costs a worker that serves many small calls more than anything else.
 */
export function writeTogether({ stream }: Redis): void {
  if (stream === undefined || stream.writableCorked > 0) return
  stream.cork()
  setImmediate(() => stream.uncork())
}

/** The same for what is sent until the code that runs now, and all that it has resolved, has ended. */
export function writeSoon({ stream }: Redis): void {
  if (stream === undefined || stream.writableCorked > 0) return
  stream.cork()
  process.nextTick(() => stream.uncork())
}

/** ioredis connects anew, and sends the command again: only for those that certainly had no effect. */
const RECONNECT_AND_RESEND = 2

/** Connection options for BullMQ, which insists on waiting for Redis rather than failing. Its keys are of one slot. */
export function queueConnectionOptions(url: string, name: string, target: Target): RedisOptions {
  const route = routeTo(url)
  const options = route.options(target)
  return {
    ...options,
    reconnectOnError(error) {
      if (!isElsewhere(error)) return options.reconnectOnError!(error)
      route.learn(error)
      return RECONNECT_AND_RESEND
    },
    maxRetriesPerRequest: null,
    // Its own waits up to 20 s after a long outage.
    retryStrategy: reconnectDelayMs,
    connectionName: `tidegate-${name}`,
  }
}

/** The last error of each connection that is not ready. Forgotten once it is. */
const lastErrors = new WeakMap<Redis, Error>()

/**
 * Resolves once commands can be sent.
 *
 * @throws {BusUnreachable} with the cause, after `deadlineMs`, or at once where waiting does not help.
 */
export async function untilReady(redis: Redis, deadlineMs: number): Promise<void> {
  if (redis.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    const finish = (fault?: string) => {
      clearTimeout(timer)
      redis.off('ready', onReady)
      redis.off('error', onError)
      if (fault === undefined) resolve()
      else reject(new BusUnreachable(fault))
    }
    const onReady = () => finish()
    const onError = (error: Error) => {
      const { why, isFinal } = connectionFault(error)
      if (isFinal) finish(`Redis cannot be used: ${why}`)
    }
    const timer = setTimeout(
      () => finish(`Redis was not reachable within ${deadlineMs} ms: ${whyNot(redis)}`),
      deadlineMs,
    )
    redis.on('ready', onReady)
    redis.on('error', onError)
    const past = lastErrors.get(redis)
    if (past !== undefined) onError(past)
  })
}

/** Awaits a call on a connection. One that was not sent fails with the reason why there is no connection. */
export function orWhyNot<T>(redis: Redis, call: Promise<T>): Promise<T> {
  return call.catch((error) => {
    throw isNotSent(error) ? new NotConnected(whyNot(redis), error) : error
  })
}

function whyNot(redis: Redis): string {
  const error = lastErrors.get(redis)
  if (error !== undefined) return connectionFault(error).why
  return redis.status === 'connect' ? CONNECTED_AND_SILENT : SILENT
}

function connect(url: string, target: Target | undefined, options: RedisOptions): Redis {
  const redis = new Redis({ ...routeTo(url).options(target), ...options })
  // Without a listener an unreachable Redis would end the process. Rejected commands report the error.
  redis.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
    lastErrors.set(redis, error)
    // ioredis would continue with database 0.
    if (error.command?.name === 'select') redis.disconnect(true)
  })
  redis.on('ready', () => lastErrors.delete(redis))
  return redis
}
