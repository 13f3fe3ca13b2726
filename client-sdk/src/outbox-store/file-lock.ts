import { linkSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { randomId } from '../random-id.ts'
import { storeError, storeFailure } from './errors.ts'

/** A process, told apart from a later one under the same number. */
interface Holder {
  readonly pid: number
  readonly host: string
  /** Since when it runs, where the system says so. */
  readonly since: string | undefined
  readonly nonce: string
}

/** Locks of this module in this process. */
const held = new Set<string>()

/**
 * Takes the lock file for this process. One that was left behind is recognised: its process is gone, or its number is
 * another process' by now. Returns a function that gives it up.
 *
 * @throws TidegateError `store_in_use`
 */
export function lockFile(path: string): () => void {
  const holder: Holder = { pid: process.pid, host: hostname(), since: runningSince(process.pid), nonce: randomId() }
  const draft = `${path}.${holder.nonce}`
  try {
    writeFileSync(draft, JSON.stringify(holder))
    // A link is made whole or not at all, and never over another one.
    for (let attempt = 0; !link(draft, path); attempt++) {
      const other = readHolder(path)
      if (attempt === 3 || (other !== undefined && isAlive(other))) throw inUse(path, other)
      if (other !== undefined) removeStale(path, other)
    }
  } catch (error) {
    throw storeFailure(error)
  } finally {
    rmSync(draft, { force: true })
  }
  held.add(holder.nonce)
  return () => {
    if (held.delete(holder.nonce) && readHolder(path)?.nonce === holder.nonce) unlinkSync(path)
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Undefined: there is none any more. */
function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * 1. Two processes find the same stale lock. 2. One removes it and takes its own. 3. The other one, late, must not remove
 * that: it moves the lock aside, and puts back what it did not mean.
 */
function removeStale(path: string, stale: Holder): void {
  const aside = `${path}.${randomId()}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  if (readHolder(aside)?.nonce !== stale.nonce) link(aside, path)
  unlinkSync(aside)
}

function isAlive({ pid, host, since, nonce }: Holder): boolean {
  // Of another machine nothing is known but that it had the lock.
  if (held.has(nonce) || host !== hostname()) return true
  const now = runningSince(pid)
  if (now !== undefined) return now === since
  // In a container the next run often has the same number.
  return pid !== process.pid && isRunning(pid)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Boot of the machine and ticks since then at which a process began; only Linux says. */
function runningSince(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    // The second field is the name of the program, which may have spaces and brackets.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return `${boot}/${fields[19]}`
  } catch {
    return undefined
  }
}

function inUse(path: string, holder: Holder | undefined) {
  const by = holder === undefined ? '' : ` by process ${holder.pid} on ${holder.host}`
  return storeError('store_in_use', `${path} is held${by}. If that is not so, remove it.`)
}
