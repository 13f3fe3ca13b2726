import { openBulkConnection, type Redis, untilReady } from '../connection.ts'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import { checkRedis } from '../redis-fitness.ts'
import { KEY_PATTERNS } from '../rights.ts'
import { routeTo } from '../route/index.ts'

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
/** Keys are copied in groups: a round trip for each would take most of the time. */
const GROUP_BYTES = 32 * 1_024 * 1_024
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
  if (routeTo(to).isCluster)
    throw new BusMismatch('A backup is restored into one Redis, not into a cluster: docs/cluster.md.')
  const source = openBulkConnection(from, 'restore')
  const target = openBulkConnection(to, 'restore')
  try {
    await Promise.all([source, target].map((redis) => untilReady(redis, waitMs)))
    // What a start warns of, the next start says.
    await checkRedis(target, false, () => {})
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
  let counts: CopyCounts = { keys: 0, bytes: 0 }
  const copy = async (names: readonly string[]) => {
    const values = await Promise.all(names.map((name) => Promise.all([source.dumpBuffer(name), source.pttl(name)])))
    stopped.throwIfAborted()
    const sent = names.map(async (name, i) => {
      const [value, lifeMs] = values[i]!
      // It has expired meanwhile.
      if (value === null) return
      if (value.length > MAX_VALUE_BYTES) throw tooLarge(name)
      await target.restore(name, Math.max(0, lifeMs), value, 'REPLACE')
      counts = { keys: counts.keys + 1, bytes: counts.bytes + value.length }
    })
    await Promise.all(sent)
    onProgress(counts)
  }
  for await (const page of pagesOf(source)) {
    for (const names of await groupsOf(source, page)) await copy(names.filter((name) => name !== keys.cluster))
  }
  await copy([keys.cluster])
  return counts
}

/** Keys that together are small enough to be in memory, as far as samples tell. */
async function groupsOf(redis: Redis, page: readonly string[]): Promise<string[][]> {
  const sizes = await Promise.all(page.map((name) => redis.memory('USAGE', name)))
  const groups: string[][] = []
  let room = 0
  for (const [i, name] of page.entries()) {
    const bytes = sizes[i] ?? 0
    if (groups.length === 0 || bytes > room) {
      groups.push([])
      room = GROUP_BYTES
    }
    room -= bytes
    groups.at(-1)!.push(name)
  }
  return groups
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
