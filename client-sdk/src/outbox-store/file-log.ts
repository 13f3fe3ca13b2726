import {
  closeSync,
  copyFileSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { checkedLine, readLines } from './checked-lines.ts'
import type { RecordLog } from './record-log.ts'

/**
 * When what was written is safe from a loss of power; a process that is killed loses nothing of it. `always`: before it is
 * sent. `everysecond`: within about a second. `never`: when the system likes, usually within half a minute.
 */
export const FSYNC_POLICIES = ['always', 'everysecond', 'never'] as const
export type FsyncPolicy = (typeof FSYNC_POLICIES)[number]

const SYNC_EVERY_MS = 1_000

const dataSync = promisify(fdatasync)

/** A file to which lines are appended, each with its checksum. Its first use MUST be `replace`. */
export class FileLog implements RecordLog {
  readonly lines: readonly string[]
  readonly damage: string | undefined
  readonly #path: string
  readonly #policy: FsyncPolicy
  readonly #unlock: () => void
  readonly #timer: ReturnType<typeof setInterval> | undefined
  #file: number | undefined
  #bytes = 0
  #syncedBytes = 0
  /** The last one asked for. */
  #sync: Promise<void> = Promise.resolve()
  #isSyncDue = false
  #broken: Error | undefined

  /** @param unlock called as the file is closed */
  constructor(path: string, policy: FsyncPolicy, unlock: () => void) {
    this.#path = path
    this.#policy = policy
    this.#unlock = unlock
    const { lines, isDamaged } = readLines(readIfThere(path))
    this.lines = lines
    if (isDamaged) {
      const copy = `${path}.damaged-${Date.now()}`
      copyFileSync(path, copy)
      this.damage = `${copy}:`
    }
    if (policy === 'everysecond') {
      this.#timer = setInterval(() => void this.flush().catch(() => {}), SYNC_EVERY_MS)
      this.#timer.unref()
    }
  }

  append(lines: readonly string[]): void | Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    const file = this.#file!
    try {
      this.#bytes += writeAll(file, lines)
    } catch (error) {
      ftruncateSync(file, this.#bytes)
      throw error
    }
    if (this.#policy === 'always') return this.flush()
  }

  replace(lines: readonly string[]): void {
    if (this.#broken !== undefined) throw this.#broken
    const draft = `${this.#path}.new`
    rmSync(draft, { force: true })
    const file = openSync(draft, 'ax')
    let bytes: number
    try {
      bytes = writeAll(file, lines)
      if (this.#policy !== 'never') fsyncSync(file)
      renameSync(draft, this.#path)
    } catch (error) {
      closeSync(file)
      rmSync(draft, { force: true })
      throw error
    }
    this.#leave(this.#file)
    this.#file = file
    this.#bytes = bytes
    this.#syncedBytes = bytes
    if (this.#policy !== 'never') syncFolder(dirname(this.#path))
  }

  /** One sync runs at a time. What is written meanwhile shares the next one. */
  flush(): Promise<void> {
    if (this.#isSyncDue || this.#bytes === this.#syncedBytes) return this.#sync
    this.#isSyncDue = true
    this.#sync = this.#sync.then(() => this.#syncNow())
    return this.#sync
  }

  close(): void {
    if (this.#file === undefined) return
    clearInterval(this.#timer)
    if (this.#policy !== 'never') syncQuietly(this.#file)
    this.#leave(this.#file)
    this.#file = undefined
    this.#unlock()
  }

  async #syncNow(): Promise<void> {
    this.#isSyncDue = false
    const file = this.#file
    const bytes = this.#bytes
    if (file === undefined) return
    try {
      await dataSync(file)
      if (file === this.#file) this.#syncedBytes = bytes
    } catch (error) {
      // It is unknown from now on what the system has written. Frames that wait for this sync are reported as not kept.
      this.#broken = error as Error
      if (file === this.#file && this.#policy === 'always') ftruncateSync(file, this.#syncedBytes)
      throw error
    }
  }

  /** A file may be closed when no sync uses it any more. */
  #leave(file: number | undefined): void {
    if (file !== undefined) void this.#sync.catch(() => {}).then(() => closeSync(file))
  }
}

/** @returns bytes written @throws after a part of them was, when the disk is full */
function writeAll(file: number, lines: readonly string[]): number {
  const bytes = Buffer.from(lines.map(checkedLine).join(''))
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
  return bytes.length
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** That a file was renamed is written with its folder. Windows knows no such thing. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, 'r')
    syncQuietly(folder)
    closeSync(folder)
  } catch {}
}

function syncQuietly(file: number): void {
  try {
    fsyncSync(file)
  } catch {}
}
