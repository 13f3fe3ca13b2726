import { readFileSync } from 'node:fs'

/** Identifies one process for good, although its id is reused later. */
export interface ProcessIdentity {
  readonly pid: number
  /** Boot and start time from `/proc`, else empty: then the id alone has to do. */
  readonly started: string
}

export function identify(pid: number): ProcessIdentity {
  return { pid, started: startOf(pid) }
}

export function isAlive({ pid, started }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives, under another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startOf(pid) === started
}

/** Name and parent of a process, where `/proc` shows them. */
export function describeProcess(pid: number): { readonly name: string; readonly parent: number } | undefined {
  const stat = readStat(pid)
  return stat && { name: stat.name, parent: Number(stat.fields[1]) }
}

function startOf(pid: number): string {
  const stat = readStat(pid)
  return stat === undefined
    ? ''
    : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${stat.fields[19]}`
}

/** `/proc/<pid>/stat`: the name in parentheses may hold anything; the fields count from the state behind it. */
function readStat(pid: number): { readonly name: string; readonly fields: readonly string[] } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const nameEnd = stat.lastIndexOf(')')
    return { name: stat.slice(stat.indexOf('(') + 1, nameEnd), fields: stat.slice(nameEnd + 2).split(' ') }
  } catch {
    return undefined
  }
}
