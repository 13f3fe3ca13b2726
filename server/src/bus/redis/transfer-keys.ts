import { BusMismatch } from '../errors.ts'
import type { Redis } from './connection.ts'
import type { Masters } from './masters.ts'

/** Keys travel in groups: a round trip for each would take most of the time. */
const GROUP_BYTES = 32 * 1_024 * 1_024
/** Longest value of a command, unless a Redis is told otherwise (`proto-max-bulk-len`). */
const MAX_VALUE_BYTES = 512 * 1_024 * 1_024

export interface TransferOptions {
  readonly from: Redis
  readonly to: Masters
  /** The name that a key gets there. Absent: its own. */
  readonly nameAt?: (name: string) => string
  readonly stopped: AbortSignal
  /** Called with what was copied since the last call, in bytes as they are sent. */
  readonly onDone?: (keys: number, bytes: number) => void
}

/**
 * Copies keys as they are, with what is left of their lives, to the Redis of their slots, in place of what has their names there.
 * One that has expired is passed over.
 *
 * @throws BusMismatch where one is larger than a command may be
 */
export async function transferKeys(names: readonly string[], options: TransferOptions): Promise<void> {
  for (const group of await groupsOf(options.from, names)) await transferGroup(group, options)
}

async function transferGroup(
  names: readonly string[],
  { from, to, nameAt = (name) => name, stopped, onDone }: TransferOptions,
): Promise<void> {
  const values = await Promise.all(names.map((name) => Promise.all([from.dumpBuffer(name), from.pttl(name)])))
  stopped.throwIfAborted()
  let [keys, bytes] = [0, 0]
  const sent = names.map(async (name, i) => {
    const [value, lifeMs] = values[i]!
    if (value === null) return
    if (value.length > MAX_VALUE_BYTES) throw tooLarge(name)
    const target = nameAt(name)
    await to.of(target).restore(target, Math.max(0, lifeMs), value, 'REPLACE')
    keys++
    bytes += value.length
  })
  await Promise.all(sent)
  onDone?.(keys, bytes)
}

/** Keys that together are small enough to be in memory, as far as samples tell. */
async function groupsOf(redis: Redis, names: readonly string[]): Promise<string[][]> {
  const sizes = await Promise.all(names.map((name) => redis.memory('USAGE', name)))
  const groups: string[][] = []
  let room = 0
  for (const [i, name] of names.entries()) {
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

function tooLarge(key: string): BusMismatch {
  return new BusMismatch(
    `${key} is larger than a command may be (512 MiB). A backup of it can be restored into a folder (--data): docs/backup.md.`,
  )
}
