import type { Socket } from 'node:net'
import { connectionFault } from '../connection-fault.ts'
import { storedPartitions } from '../contract/topology.ts'
import { BusMismatch, BusUnreachable } from '../errors.ts'
import { refuseWhileGrowing } from '../growth/index.ts'
import { keys } from '../keys.ts'
import { openCommandConnection, untilReady } from '../redis/connection.ts'
import { slotOf } from '../redis/hash-slot.ts'
import { placeSlots } from '../redis/placed-slots.ts'
import { routeTo } from '../route/index.ts'
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
  /** Bytes, where Redis knows them before it sends them. */
  readonly size: number | undefined
  /** To be read to the end, or the connection stays open. @throws CutTransfer, or the reason of `stopped` */
  readonly pieces: AsyncGenerator<Buffer>
}

/** Snapshots of everything that a deployment has stored. */
export interface Snapshots {
  readonly partitions: number
  /** Of one Redis, or of each master of a cluster that holds something of the deployment: no key is in two of them. */
  readonly each: readonly Snapshot[]
  /** MUST be called when all are read. @throws BusMismatch where keys have moved meanwhile */
  confirm(): Promise<void>
}

/**
 * Asks for snapshots, as a replica does: a Redis forks, serves on, and sends what it held at that moment. What expires in between
 * stays out. Partitions of one Redis are of one moment; the masters of a cluster are asked at once. A replica may be asked in
 * place of a Redis that is alone.
 *
 * @throws BusUnreachable, BusMismatch with what to do
 */
export async function openSnapshots(options: SnapshotOptions): Promise<Snapshots> {
  const partitions = await partitionsIn(options)
  const { nodes, confirm } = await placeSlots(options.url, partitions, options.waitMs)
  const failed = new AbortController()
  const stopped = AbortSignal.any([options.stopped, failed.signal])
  try {
    const each = await Promise.all(nodes.map((node) => openSnapshot(node, { ...options, stopped })))
    return { partitions, each, confirm }
  } catch (error) {
    failed.abort(error)
    throw error
  }
}

async function openSnapshot(node: string, { url, waitMs, silenceMs, stopped }: SnapshotOptions): Promise<Snapshot> {
  const route = routeTo(url)
  const givenUp = AbortSignal.any([stopped, AbortSignal.timeout(waitMs)])
  const socket = await route.socket({ node }, givenUp).catch((error: Error) => {
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
    return { size, pieces: closing(socket, pieces) }
  } catch (error) {
    socket.destroy()
    throw error instanceof ReplyError ? refusal(error) : error
  }
}

/** A connection of the usual kind says best why there is none. */
async function partitionsIn({ url, waitMs }: SnapshotOptions): Promise<number> {
  const redis = openCommandConnection(url, 'backup', { slot: slotOf(keys.cluster) })
  try {
    await untilReady(redis, waitMs)
    const partitions = await storedPartitions(redis)
    if (partitions === undefined) throw new BusMismatch('This Redis holds no data of Tidegate.')
    await refuseWhileGrowing(redis)
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
