import type { Redis } from './connection.ts'
import { keys } from './keys.ts'

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
