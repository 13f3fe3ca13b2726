import type { Socket } from 'node:net'
import { openCommandConnection, untilReady } from '../connection.ts'
import { connectionFault } from '../connection-fault.ts'
import { BusMismatch, BusUnreachable } from '../errors.ts'
import { routeTo } from '../route/index.ts'
import { storedPartitions } from '../topology.ts'
import { ReplicationReply, ReplyError } from './replication-reply.ts'

export interface SnapshotOptions {
  readonly url: string
  /** How long Redis may take until it accepts commands, ms. */
  readonly waitMs: number
  /** How long Redis may say nothing, ms. It sends an empty line every second while it prepares the snapshot. */
  readonly silenceMs: number
  /** Ends the transfer with its reason. */
  readonly stopped: AbortSignal
}

/** Everything that a Redis holds, at one moment, as a file in its own format (RDB). */
export interface Snapshot {
  readonly partitions: number
  /** Bytes, where Redis knows them before it sends them. */
  readonly size: number | undefined
  /** To be read to the end, or the connection stays open. @throws CutTransfer, or the reason of `stopped` */
  readonly pieces: AsyncGenerator<Buffer>
}

/**
 * Asks a Redis for a snapshot, as a replica does: it forks, serves on, and sends what it held at that moment. All partitions are of
 * one moment, and what expires in between stays out. A replica may be asked as well.
 *
 * @throws BusUnreachable, BusMismatch with what to do
 */
export async function openSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const { url, waitMs, silenceMs, stopped } = options
  const route = routeTo(url)
  if (route.isCluster) {
    throw new BusMismatch('A backup is of one Redis; of a cluster, keep the snapshots of its masters: docs/cluster.md.')
  }
  const partitions = await partitionsIn(options)
  const socket = await route.socket(AbortSignal.any([stopped, AbortSignal.timeout(waitMs)])).catch((error: Error) => {
    stopped.throwIfAborted()
    throw error
  })
  const stop = () => socket.destroy(stopped.reason as Error)
  stopped.addEventListener('abort', stop, { once: true })
  socket.once('close', () => stopped.removeEventListener('abort', stop))
  socket.setTimeout(silenceMs, () => {
    socket.destroy(
      new BusUnreachable(`Redis sent nothing for ${silenceMs / 1_000} s; is it running, and not suspended?`),
    )
  })
  try {
    stopped.throwIfAborted()
    const reply = new ReplicationReply(socket)
    const ask = async (...words: readonly string[]) => {
      socket.write(encoded(words))
      return reply.line()
    }
    const { username, password } = route.login
    if (password !== '') await ask('AUTH', ...(username === '' ? [] : [username]), password)
    await ask('REPLCONF', 'capa', 'eof')
    // Otherwise every write that follows is kept for us in the memory of Redis.
    await ask('REPLCONF', 'rdb-only', '1')
    socket.write(encoded(['SYNC']))
    const { size, pieces } = await reply.snapshot()
    return { partitions, size, pieces: closing(socket, pieces) }
  } catch (error) {
    socket.destroy()
    throw error instanceof ReplyError ? refusal(error) : error
  }
}

/** A connection of the usual kind says best why there is none. */
async function partitionsIn({ url, waitMs }: SnapshotOptions): Promise<number> {
  const redis = openCommandConnection(url, 'backup')
  try {
    await untilReady(redis, waitMs)
    const partitions = await storedPartitions(redis)
    if (partitions === undefined) throw new BusMismatch('This Redis holds no data of Tidegate.')
    return partitions
  } finally {
    redis.disconnect()
  }
}

async function* closing(socket: Socket, pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* pieces
  } finally {
    socket.destroy()
  }
}

function refusal({ message }: ReplyError): BusMismatch {
  if (/NOPERM|unknown command|not allowed/i.test(message)) {
    return new BusMismatch(
      `This Redis gives no snapshot (${message}): the user of REDIS_URL needs the rights of docs/backup.md. Where a provider ` +
        'forbids SYNC, use the backups of the provider, or a replica of yours.',
    )
  }
  if (/NOMASTERLINK/.test(message)) {
    return new BusMismatch('This Redis is a replica without a connection to its master; ask the master.')
  }
  return new BusMismatch(`This Redis gives no snapshot: ${connectionFault(new Error(message)).why}`)
}

/** A command as Redis reads it. */
function encoded(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
}
