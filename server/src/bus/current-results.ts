import type { Redis } from './connection.ts'
import type { Guard } from './guard.ts'
import { keys } from './keys.ts'
import { loadScript, runScript, type Script } from './script.ts'

const EXPIRE_SCRIPT: Script = loadScript('expire-current', { allowOom: true, include: ['owner'] })

/** The latest result of one key, as the commit that made it stored it. */
export interface CurrentResult {
  readonly key: string
  /** Where it lies in the log of its topic. */
  readonly streamId: string
  readonly index: number
  /** JSON of the event. */
  readonly json: string
}

export interface CurrentPage {
  readonly results: readonly CurrentResult[]
  /** Cursor of the next page; `0` at the end. */
  readonly next: string
}

/**
 * Some of the latest results of a topic in one partition. Over all pages, begun with cursor `0`, every key that is there
 * throughout comes once, or more often if many keys were removed meanwhile.
 *
 * @param count about how many
 */
export async function scanCurrent(
  redis: Redis,
  partition: number,
  topic: string,
  cursor: string,
  count: number,
): Promise<CurrentPage> {
  const [next, fields] = await redis.hscan(keys.current(partition, topic), cursor, 'COUNT', count)
  const results: CurrentResult[] = []
  for (let i = 1; i < fields.length; i += 2) results.push(decode(fields[i - 1]!, fields[i]!))
  return { results, next }
}

/** The latest results of these keys; of those that have none, none. */
export async function readCurrent(
  redis: Redis,
  partition: number,
  topic: string,
  wanted: readonly string[],
): Promise<CurrentResult[]> {
  if (wanted.length === 0) return []
  const values = await redis.hmget(keys.current(partition, topic), ...wanted)
  return values.flatMap((value, i) => (value === null ? [] : [decode(wanted[i]!, value)]))
}

/** What one call of `expireCurrent` did. */
export interface ExpiredPage {
  /** Cursor of the next call; `0` at the end. */
  readonly next: string
  readonly seen: number
  readonly removed: number
}

/**
 * Removes, of about `count` latest results of a topic, those whose entries are older than its retention by Redis' clock.
 * Nothing is looked at for whoever does not own the partition.
 *
 * @throws BusUnavailable
 */
export async function expireCurrent(
  redis: Redis,
  guard: Guard,
  partition: number,
  token: string,
  topic: string,
  options: { readonly retentionMs: number; readonly cursor: string; readonly count: number },
): Promise<ExpiredPage> {
  const { retentionMs, cursor, count } = options
  const scriptKeys = [keys.meta(partition), keys.current(partition, topic)]
  const reply = await guard.run(() => runScript(redis, EXPIRE_SCRIPT, scriptKeys, [token, retentionMs, cursor, count]))
  if (reply === 'FENCED') return { next: '0', seen: 0, removed: 0 }
  const [next, seen, removed] = reply as [string, number, number]
  return { next, seen, removed }
}

/** A stored result is `<streamId>.<index> <event JSON>`. */
function decode(key: string, value: string): CurrentResult {
  const space = value.indexOf(' ')
  const dot = value.indexOf('.')
  return {
    key,
    streamId: value.slice(0, dot),
    index: Number(value.slice(dot + 1, space)),
    json: value.slice(space + 1),
  }
}
