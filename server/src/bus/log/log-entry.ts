import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'

/** One record batch as read from a partition's log. `BatchReader` decodes it. */
export interface LogEntry {
  readonly topic: string
  readonly streamId: string
  readonly epoch: string
  readonly header: string
  readonly payload: Buffer
  /** Ordinals of refused slices. */
  readonly refused: string | undefined
  /** Watermark the writing worker carried, ms; absent on topics that clients publish to. */
  readonly watermark: number | undefined
}

/** Position before the first entry of any log. */
export const LOG_START = '0-0'

/** What is read of one partition. */
export interface LogRead {
  readonly partition: number
  readonly cursors: ReadonlyMap<string, string>
}

/** One XREAD over several topics of one partition, each from its own stream id (exclusive). */
export async function readLogs(
  redis: Redis,
  partition: number,
  cursors: ReadonlyMap<string, string>,
  options: { count: number; blockMs: number },
): Promise<LogEntry[]> {
  const [entries] = await readTogether(redis, [{ partition, cursors }], options)
  return entries!
}

/**
 * One XREAD of several partitions that one Redis holds.
 *
 * @param blockMs 0 answers at once with what is there; otherwise waits up to that long for the first entry.
 * @returns the entries of each read
 */
export async function readTogether(
  redis: Redis,
  reads: readonly LogRead[],
  options: { count: number; blockMs: number },
): Promise<LogEntry[][]> {
  const found: LogEntry[][] = reads.map(() => [])
  const logs = new Map<string, { readonly topic: string; readonly entries: LogEntry[] }>()
  const ids: string[] = []
  for (const [i, { partition, cursors }] of reads.entries()) {
    for (const [topic, cursor] of cursors) {
      logs.set(keys.log(partition, topic), { topic, entries: found[i]! })
      ids.push(cursor)
    }
  }
  const args: (string | number)[] = ['COUNT', options.count]
  if (options.blockMs > 0) args.push('BLOCK', options.blockMs)
  args.push('STREAMS', ...logs.keys(), ...ids)
  // Not `callBuffer`: under RESP3 a map arrives as a flat list there.
  const reply = (await redis.xreadBuffer(...(args as ['STREAMS', string]))) as [Buffer, RawEntry[]][] | null
  for (const [key, entries] of reply ?? []) {
    const log = logs.get(key.toString())!
    for (const raw of entries) log.entries.push(decodeEntry(log.topic, raw))
  }
  return found
}

export type RawEntry = [id: Buffer, fields: Buffer[]]

export function decodeEntry(topic: string, [id, fields]: RawEntry): LogEntry {
  let epoch = ''
  let header = ''
  let payload: Buffer = EMPTY
  let refused: string | undefined
  let watermark: number | undefined
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1]!
    switch (fields[i]!.toString('latin1')) {
      case 'e':
        epoch = value.toString('latin1')
        break
      case 'h':
        header = value.toString('utf8')
        break
      case 'd':
        payload = value
        break
      case 'x':
        refused = value.toString('latin1')
        break
      case 'w':
        watermark = Number(value.toString('latin1'))
    }
  }
  return { topic, streamId: id.toString('latin1'), epoch, header, payload, refused, watermark }
}

const EMPTY = Buffer.alloc(0)
