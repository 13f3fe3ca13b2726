import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

/** Content of the lock file: the holder of the folder, and the Redis it started there. */
interface Holder {
  readonly owner: ProcessIdentity
  readonly redis: ProcessIdentity | undefined
  /** Where that Redis listens. */
  readonly socket?: string
}

/** A Redis whose parent was killed saves its last writes and ends; a large one on a slow disk takes a while. */
const ORPHAN_DEADLINE_MS = 20_000
const POLL_MS = 50

/**
 * Keeps two Tidegates off one data folder, where two Redis would write one log. The lock names processes, so that the
 * lock of a killed Tidegate is void as soon as its processes are gone.
 */
export class FolderLock {
  readonly #file: string

  private constructor(file: string) {
    this.#file = file
  }

  /** @throws when a living Tidegate holds the folder, or the Redis of a killed one does not end. */
  static async take(folder: string, stopped?: AbortSignal): Promise<FolderLock> {
    await mkdir(folder, { recursive: true })
    const file = join(folder, 'lock')
    // Written aside and then linked, which fails if the lock exists: nobody can read a half-written lock.
    const mine = `${file}.${randomUUID()}`
    await writeFile(mine, JSON.stringify({ owner: identify(process.pid) }))
    try {
      while (!(await linkUnlessThere(mine, file))) await removeStale(folder, file, mine, stopped)
      return new FolderLock(file)
    } finally {
      await rm(mine)
    }
  }

  /** Makes the lock outlive this process until the Redis has ended too. */
  async coverRedis(pid: number, socket: string): Promise<void> {
    const holder: Holder = { owner: identify(process.pid), redis: identify(pid), socket }
    const fresh = `${this.#file}.${randomUUID()}`
    await writeFile(fresh, JSON.stringify(holder))
    await rename(fresh, this.#file)
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true })
  }
}

/** Where the Redis of the Tidegate that holds a data folder listens; nothing when there is none. */
export async function privateRedisOf(folder: string): Promise<string | undefined> {
  const holder = await readHolder(join(folder, 'lock'))
  return typeof holder === 'object' && isAlive(holder.owner) ? holder.socket : undefined
}

async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function removeStale(folder: string, file: string, mine: string, stopped?: AbortSignal): Promise<void> {
  const holder = await readHolder(file)
  if (holder === 'absent') return
  if (holder !== 'nobody') {
    if (isAlive(holder.owner)) {
      throw new Error(
        `The data folder ${folder} is in use by another Tidegate (process ${holder.owner.pid}). ` +
          'Stop it first, or choose another folder with --data.',
      )
    }
    if (holder.redis !== undefined) await untilEnded(holder.redis, folder, stopped)
  }
  await removeAlone(file, mine)
}

/**
 * Two starts may find the same stale lock. If both removed it, the slower one would remove the new lock of the faster
 * one. So only the holder of the guard removes, and checks once more.
 */
async function removeAlone(file: string, mine: string): Promise<void> {
  const guard = `${file}.guard`
  if (!(await linkUnlessThere(mine, guard))) {
    const remover = await readHolder(guard)
    if (remover === 'nobody' || (remover !== 'absent' && !isAlive(remover.owner))) await rm(guard, { force: true })
    await sleep(POLL_MS)
    return
  }
  try {
    const holder = await readHolder(file)
    if (holder === 'nobody' || (holder !== 'absent' && !isAlive(holder.owner))) await rm(file, { force: true })
  } finally {
    await rm(guard, { force: true })
  }
}

async function untilEnded(redis: ProcessIdentity, folder: string, stopped?: AbortSignal): Promise<void> {
  for (const deadline = performance.now() + ORPHAN_DEADLINE_MS; isAlive(redis); await sleep(POLL_MS)) {
    stopped?.throwIfAborted()
    if (performance.now() < deadline) continue
    throw new Error(
      `The Redis of an earlier Tidegate (process ${redis.pid}) still uses ${folder}. End that process, then start again.`,
    )
  }
}

/** The holder of a lock; `nobody` for one truncated by a full disk or a crash. */
async function readHolder(file: string): Promise<Holder | 'nobody' | 'absent'> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent'
    throw error
  }
  try {
    return JSON.parse(text) as Holder
  } catch {
    return 'nobody'
  }
}
