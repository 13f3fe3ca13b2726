import type { Redis } from './connection.ts'
import { keys } from './keys.ts'

/** One record batch as read from a partition's log. `header` and `refused` are decoded by `record-batch.ts`. */
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

/**
 * One XREAD over several topics of one partition, each from its own stream id (exclusive).
 *
 * @param blockMs 0 answers at once with what is there; otherwise waits up to that long for the first entry.
 */
export async function readLogs(
  redis: Redis,
  partition: number,
  cursors: ReadonlyMap<string, string>,
  options: { count: number; blockMs: number },
): Promise<LogEntry[]> {
  const topics = [...cursors.keys()]
  const args: (string | number)[] = ['COUNT', options.count]
  if (options.blockMs > 0) args.push('BLOCK', options.blockMs)
  args.push('STREAMS', ...topics.map((topic) => keys.log(partition, topic)), ...cursors.values())
  // Not `callBuffer`: under RESP3 a map arrives as a flat list there.
  const reply = (await redis.xreadBuffer(...(args as ['STREAMS', string]))) as [Buffer, RawEntry[]][] | null
  if (reply === null) return []
  const byKey = new Map(topics.map((topic) => [keys.log(partition, topic), topic]))
  return reply.flatMap(([key, entries]) => entries.map((raw) => decodeEntry(byKey.get(key.toString())!, raw)))
}

/** Entries of one topic in `[from, to]` (stream ids, inclusive; `-` and `+` are the ends), oldest first. */
export async function readRange(
  redis: Redis,
  partition: number,
  topic: string,
  from: string,
  to: string,
  count: number,
): Promise<LogEntry[]> {
  const reply = (await redis.callBuffer('XRANGE', keys.log(partition, topic), from, to, 'COUNT', count)) as RawEntry[]
  return reply.map((raw) => decodeEntry(topic, raw))
}

/** Stream id of the newest entry ever added to each topic's log (`0-0` when there is none), even if trimmed since. */
export async function lastIds(redis: Redis, partition: number, topics: readonly string[]): Promise<string[]> {
  const pipeline = redis.pipeline()
  for (const topic of topics) pipeline.xinfo('STREAM', keys.log(partition, topic))
  const replies = await pipeline.exec()
  return (replies ?? []).map(([error, info]) => {
    if (error !== null) {
      if (/no such key/.test(error.message)) return LOG_START
      throw error
    }
    const fields = info as unknown[]
    return String(fields[fields.indexOf('last-generated-id') + 1])
  })
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
