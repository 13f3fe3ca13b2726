import { readFileSync } from 'node:fs'

/** Files of a process that do not depend on the partitions: its code, Redis, a child or two, and some clients. */
const BASE = 128
/** Per partition: a reader, and for a worker a lease. */
const PER_PARTITION = 2

/**
 * Refuses to start if fewer files may be open than a gateway or worker needs before its first client: otherwise it
 * would start and then answer nobody.
 *
 * @throws with what to do.
 */
export function checkOpenFiles(partitions: number, limit: number | undefined = openFilesLimit()): void {
  const needed = BASE + PER_PARTITION * partitions
  if (limit === undefined || limit >= needed) return
  throw new Error(
    `This process may open ${limit} files, and needs ${needed} for ${partitions} partitions before its first client; each ` +
      'client is one more. Raise the limit (ulimit -n 65536, LimitNOFILE= of systemd, --ulimit nofile= of docker).',
  )
}

/** The limit, where `/proc` shows it. Node has raised it as far as it may. */
export function openFilesLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
