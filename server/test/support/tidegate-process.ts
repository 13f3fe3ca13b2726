import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { HEAP_OPTIONS } from '../../src/heap-options.ts'
import { COMMAND } from '../../src/package-files.ts'

const DEADLINE_MS = 30_000
/** How long the rest of the output of an ended process is waited for. */
const OUTPUT_GRACE_MS = 500

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** `tidegate <command>` as a process of its own, as the supervisor starts it. */
export class TidegateProcess {
  /** What it printed so far, standard output and error together. */
  output = ''
  readonly ended: Promise<Ended>
  readonly child: ChildProcess
  #hasEnded = false

  /** @param command the file of the command, that of this repository by default */
  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}, command = COMMAND) {
    // npm_lifecycle_event is set when the tests run under npm; only a test of that wants it.
    const env = { ...process.env, npm_lifecycle_event: '', REDIS_URL: '', ...environment }
    this.child = fork(command, args, { env, execArgv: [...HEAP_OPTIONS], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    const streams = [this.child.stdout!, this.child.stderr!]
    for (const stream of streams) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    // Not `close`: it waits for orphans that inherited the output, and does not come after disconnect().
    this.ended = new Promise((resolve) => {
      this.child.once('exit', async (code, signal) => {
        await Promise.race([Promise.all(streams.map((stream) => once(stream, 'close'))), sleep(OUTPUT_GRACE_MS)])
        this.#hasEnded = true
        resolve({ code, signal })
      })
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Resolves to the `ready` message. */
  async ready(): Promise<{ readonly type: 'ready'; readonly port?: number; readonly metricsPort?: number }> {
    return new Promise((resolve, reject) => {
      this.child.once('message', resolve as (message: unknown) => void)
      void this.ended.then(() => reject(new Error(`ended before it was ready:\n${this.output}`)))
    })
  }

  /** Waits until it has printed what matches. */
  async said(pattern: RegExp): Promise<void> {
    await until(() => {
      if (pattern.test(this.output)) return true
      if (this.#hasEnded) throw new Error(`ended without saying ${pattern}:\n${this.output}`)
      return false
    }, `${pattern}`)
  }

  /** Process ids of its children whose command line matches. */
  children(pattern: RegExp): number[] {
    return childrenOf([this.pid], pattern)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal)
    return this.ended
  }
}

/** Processes whose command line matches, whoever started them. */
export function processesLike(pattern: RegExp): number[] {
  return processes()
    .filter(({ command }) => pattern.test(command))
    .map(({ pid }) => pid)
}

/** Process ids of children whose command line matches. */
export function childrenOf(parents: readonly number[], pattern: RegExp): number[] {
  return processes()
    .filter(({ parent, command }) => parents.includes(parent) && pattern.test(command))
    .map(({ pid }) => pid)
}

export function isRunning(pid: number): boolean {
  return processes().some((process) => process.pid === pid)
}

/** Asks every 20 ms until it is so. @throws after 30 s. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; !(await isSo()); ) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`)
    await sleep(20)
  }
}

function processes(): { pid: number; parent: number; command: string }[] {
  const listed = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
  return listed.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line)
    // A zombie has ended; its parent has not asked for its exit code yet.
    if (match === null || match[3]!.startsWith('Z')) return []
    return [{ pid: Number(match[1]), parent: Number(match[2]), command: match[4]! }]
  })
}
