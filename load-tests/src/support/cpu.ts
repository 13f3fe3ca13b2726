import { readdir, readFile } from 'node:fs/promises'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'

const TICKS_PER_SECOND = 100

/** CPU time that all threads of a process have used, user and system, seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const used = threads.map(async (thread) => {
    // A thread may have ended since the list was read.
    const [nanoseconds] = (await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')).split(' ')
    return Number(nanoseconds)
  })
  const ofThreads = (await Promise.all(used)).reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e9
  // Threads that have ended count in `stat` alone. In itself it is too coarse, a tenth of what a quiet process uses in a round.
  return Math.max(ofThreads, await coarseCpuSeconds(pid))
}

/** Time for which the main thread of a process had work and no core, seconds. */
export async function waitedSeconds(pid: number): Promise<number> {
  const [, nanoseconds] = (await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ')
  return Number(nanoseconds) / 1e9
}

/** Hundredths of a second that are over. */
async function coarseCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may have spaces. What follows begins with the third field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** The same of a Redis, as it says itself; without its children, which rewrite its append-only file. */
export async function redisCpuSeconds(redis: Redis): Promise<number> {
  const info = await redis.info('cpu')
  const used = (name: string) => Number(new RegExp(`${name}:([0-9.]+)`).exec(info)![1])
  return used('used_cpu_sys') + used('used_cpu_user')
}
