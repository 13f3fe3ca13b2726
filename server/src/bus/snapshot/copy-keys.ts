import { openBulkConnection, type Redis, untilReady } from '../connection.ts'
import { connectionFault } from '../connection-fault.ts'
import { BusMismatch, BusUnreachable } from '../errors.ts'
import { keys } from '../keys.ts'
import { isElsewhere } from '../outage.ts'
import { KEY_PATTERNS } from '../rights.ts'
import type { Target } from '../route/index.ts'
import { RestoreTarget } from './restore-target.ts'

export interface CopyOptions {
  /** A Redis of our own that has loaded a backup. */
  readonly from: string
  /** A Redis, or a cluster, without keys of Tidegate. */
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
/** The Redis of our own is one. */
const ONE: Target = { node: '' }

/**
 * Copies all keys of Tidegate from one Redis into another, or to where they belong in a cluster. The key by which processes know that there is data comes last. If it
 * does not come to its end, what was copied is removed again.
 *
 * @throws BusUnreachable; BusMismatch with what to do
 */
export async function copyKeys(options: CopyOptions): Promise<CopyCounts> {
  const { from, to, waitMs, stopped } = options
  const target = await RestoreTarget.open(to, waitMs)
  const source = openBulkConnection(from, 'restore', ONE)
  try {
    await untilReady(source, waitMs)
    await Promise.all(target.all.map(checkEmpty))
    try {
      return await copyAll(source, target, options)
    } catch (error) {
      await Promise.all(target.all.map(removeAll)).catch(() => {})
      stopped.throwIfAborted()
      throw isElsewhere(error) ? new BusUnreachable(`Redis cannot be used: ${connectionFault(error).why}`) : error
    }
  } finally {
    source.disconnect()
    target.close()
  }
}

async function checkEmpty(redis: Redis): Promise<void> {
  for await (const page of pagesOf(redis)) {
    if (page.length === 0) continue
    throw new BusMismatch(
      'This Redis has data of Tidegate already. Restore into an empty one, or into another database of it; or remove what it has ' +
        '(FLUSHDB), if nobody needs that.',
    )
  }
}

async function copyAll(
  source: Redis,
  target: RestoreTarget,
  { stopped, onProgress }: CopyOptions,
): Promise<CopyCounts> {
  let counts: CopyCounts = { keys: 0, bytes: 0 }
  const copy = async (names: readonly string[]) => {
    const values = await Promise.all(names.map((name) => Promise.all([source.dumpBuffer(name), source.pttl(name)])))
    stopped.throwIfAborted()
    const sent = names.map(async (name, i) => {
      const [value, lifeMs] = values[i]!
      // It has expired meanwhile.
      if (value === null) return
      if (value.length > MAX_VALUE_BYTES) throw tooLarge(name)
      await target.of(name).restore(name, Math.max(0, lifeMs), value, 'REPLACE')
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
  // One by one: in a cluster a command is about one slot.
  for await (const page of pagesOf(redis)) await Promise.all(page.map((name) => redis.unlink(name)))
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
