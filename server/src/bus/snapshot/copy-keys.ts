import { connectionFault } from '../connection-fault.ts'
import { BusMismatch, BusUnreachable } from '../errors.ts'
import { keys } from '../keys.ts'
import { openBulkConnection, type Redis, untilReady } from '../redis/connection.ts'
import { Masters } from '../redis/masters.ts'
import { isElsewhere } from '../redis/outage.ts'
import { KEY_PATTERNS } from '../redis/rights.ts'
import { transferKeys } from '../redis/transfer-keys.ts'
import type { Target } from '../route/index.ts'

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
  const target = await Masters.open(to, 'restore', waitMs)
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

async function copyAll(source: Redis, target: Masters, { stopped, onProgress }: CopyOptions): Promise<CopyCounts> {
  let counts: CopyCounts = { keys: 0, bytes: 0 }
  const onDone = (keys: number, bytes: number) => {
    counts = { keys: counts.keys + keys, bytes: counts.bytes + bytes }
    onProgress(counts)
  }
  const transfer = { from: source, to: target, stopped, onDone }
  for await (const page of pagesOf(source)) {
    await transferKeys(
      page.filter((name) => name !== keys.cluster),
      transfer,
    )
  }
  await transferKeys([keys.cluster], transfer)
  return counts
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
