import { readdir, readFile } from 'node:fs/promises'

/** A process and all that descend from it and still run. */
export async function processTree(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
  return threads.length === 0 ? [] : [pid, ...(await Promise.all(children.map(processTree))).flat()]
}
