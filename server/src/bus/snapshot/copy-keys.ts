import { openBulkConnection, type Redis, untilReady } from '../connection.ts'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import { checkRedis } from '../redis-fitness.ts'
import { KEY_PATTERNS } from '../rights.ts'

export interface CopyOptions {
  /** A Redis of our own that has loaded a backup. */
  readonly from: string
  /** A Redis without keys of Tidegate. */
  readonly to: string
  /** How long to wait for it, ms. */
  readonly waitMs: number
  readonly stopped: AbortSignal
  readonly onProgress: (copied: CopyCounts) => void
}

export interface CopyCounts {
  readonly keys: number
  /** As they are sent. */
  readonly bytes: number
}

/** Keys that are asked for at a time, roughly. */
const PAGE_KEYS = 250
/** Keys under way to the target: a round trip for each would take most of the time. */
const MAX_UNDER_WAY = 64
const MAX_UNDER_WAY_BYTES = 32 * 1_024 * 1_024
/** Longest value of a command, unless a Redis is told otherwise (`proto-max-bulk-len`). */
const MAX_VALUE_BYTES = 512 * 1_024 * 1_024

/**
 * Copies all keys of Tidegate from one Redis into another. The key by which processes know that there is data comes last. If it
 * does not come to its end, what was copied is removed again.
 *
 * @throws BusUnreachable; BusMismatch with what to do
 */
export async function copyKeys(options: CopyOptions): Promise<CopyCounts> {
  const { from, to, waitMs, stopped } = options
  const source = openBulkConnection(from, 'restore')
  const target = openBulkConnection(to, 'restore')
  try {
    await Promise.all([source, target].map((redis) => untilReady(redis, waitMs)))
    // What a start warns of, the next start says.
    await checkRedis(target, () => {})
    for await (const page of pagesOf(target)) {
      if (page.length === 0) continue
      throw new BusMismatch(
        'This Redis has data of Tidegate already. Restore into an empty one, or into another database of it; or remove what it has ' +
          '(FLUSHDB), if nobody needs that.',
      )
    }
    try {
      return await copyAll(source, target, options)
    } catch (error) {
      await removeAll(target).catch(() => {})
      stopped.throwIfAborted()
      throw error
    }
  } finally {
    source.disconnect()
    target.disconnect()
  }
}

async function copyAll(source: Redis, target: Redis, { stopped, onProgress }: CopyOptions): Promise<CopyCounts> {
  const underWay = new Set<Promise<void>>()
  let waiting = 0
  let counts: CopyCounts = { keys: 0, bytes: 0 }
  const copy = async (key: string) => {
    const [value, lifeMs] = await Promise.all([source.dumpBuffer(key), source.pttl(key)])
    // It has expired meanwhile.
    if (value === null) return
    if (value.length > MAX_VALUE_BYTES) throw tooLarge(key)
    while (underWay.size >= MAX_UNDER_WAY || (waiting > 0 && waiting + value.length > MAX_UNDER_WAY_BYTES)) {
      await Promise.race(underWay)
    }
    stopped.throwIfAborted()
    waiting += value.length
    const sent = target.restore(key, Math.max(0, lifeMs), value, 'REPLACE').then(() => {
      counts = { keys: counts.keys + 1, bytes: counts.bytes + value.length }
      onProgress(counts)
    })
    const settled = sent.finally(() => {
      waiting -= value.length
      underWay.delete(settled)
    })
    underWay.add(settled)
    // Whoever waits next sees it.
    settled.catch(() => {})
  }
  for await (const page of pagesOf(source)) for (const key of page) if (key !== keys.cluster) await copy(key)
  await Promise.all(underWay)
  await copy(keys.cluster)
  await Promise.all(underWay)
  return counts
}

async function removeAll(redis: Redis): Promise<void> {
  for await (const page of pagesOf(redis)) if (page.length > 0) await redis.unlink(...page)
}

/** The keys of Tidegate. SCAN may name one twice. */
async function* pagesOf(redis: Redis): AsyncGenerator<string[]> {
  for (const pattern of KEY_PATTERNS.worker) {
    let cursor = '0'
    do {
      const [next, page] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', PAGE_KEYS)
      yield page
      cursor = next
    } while (cursor !== '0')
  }
}

function tooLarge(key: string): BusMismatch {
  return new BusMismatch(
    `${key} is larger than a command may be (512 MiB). Restore into a folder (--data), and start a Redis of yours on it: docs/backup.md.`,
  )
}
