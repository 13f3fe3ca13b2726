import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'

/** A process and all that descend from it and still run. */
export async function processTree(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
  return threads.length === 0 ? [] : [pid, ...(await Promise.all(children.map(processTree))).flat()]
}

/** What a process is: of a Node program its file, and the command that it was given. */
export async function processName(pid: number): Promise<string> {
  const [program = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  const at = args.findIndex((arg) => /\.[jt]s$/.test(arg))
  // Some write their state there: `nginx: worker process`.
  if (at === -1) return basename(program.split(/[: ]/)[0]!)
  const command = /^[a-z]+$/.exec(args[at + 1] ?? '')
  return command === null ? basename(args[at]!) : `${basename(args[at]!)} ${command[0]}`
}
