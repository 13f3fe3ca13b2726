import { readFile } from 'node:fs/promises'

/** Clock ticks a second of Linux' process statistics, on every machine there is. */
const TICKS_PER_SEC = 100

/** CPU time a process has used, user and system, seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The second field is the name in brackets, which may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC
}
