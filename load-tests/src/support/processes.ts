import { type ChildProcess, execFile, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { HEAP_OPTIONS } from '../../../server/src/heap-options.ts'

const END_WITH_PARENT = new URL('./end-with-parent.ts', import.meta.url).href
export const TIDEGATE = fileURLToPath(new URL('../../../server/bin/tidegate.js', import.meta.url))
/** A busy machine takes several times as long as an idle one, which needs two seconds. */
const READY_DEADLINE_MS = 60_000

export interface ServerProcess {
  readonly pid: number
  readonly port: number
  /** Whether it has ended, however. */
  readonly hasEnded: boolean
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
  /** kill -9, and waits for the end. */
  kill(): Promise<void>
}

/** Starts a TypeScript module as a child process with an IPC channel. It ends with this process at the latest. */
export function startModule(url: URL, env: Readonly<Record<string, string>> = {}): ChildProcess {
  return fork(fileURLToPath(url), {
    env: { ...process.env, ...env },
    execArgv: ['--import', 'tsx', '--import', END_WITH_PARENT],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

/** Starts a module, sends it one message and resolves with its one answer. */
export function askModule<Answer>(url: URL, question: object): Promise<Answer> {
  return ask(startModule(url), question)
}

/** Sends a child one message and resolves with the next one that comes. One question at a time. */
export function ask<Answer>(child: ChildProcess, question: object | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) =>
      reject(new Error(`a child process ended with code ${code} before it answered`))
    child.once('exit', onExit)
    child.once('message', (answer) => {
      child.off('exit', onExit)
      resolve(answer as Answer)
    })
    child.send(question)
  })
}

/**
 * Starts `tidegate <command>` as shipped, or another one, and waits until it says it is ready.
 *
 * @param output file for what it says; by default that is for people, as the standard output of a benchmark is its report
 */
export function startTidegate(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  tidegate = TIDEGATE,
  output = 2,
): Promise<ServerProcess> {
  return untilReady(
    fork(tidegate, args, {
      env: { ...process.env, ...env },
      execArgv: [...HEAP_OPTIONS],
      stdio: ['ignore', output, output, 'ipc'],
    }),
  )
}

/** Runs `tidegate <command>` as shipped to its end. @throws Error with what it said, where it fails */
export async function runTidegate(args: readonly string[], redisUrl = ''): Promise<void> {
  await startCommand(args, redisUrl).ended
}

/** A command that runs until it ends. */
export interface RunningCommand {
  /** @throws Error with what it said, where it fails or is killed */
  readonly ended: Promise<unknown>
  kill(): void
}

export function startCommand(args: readonly string[], redisUrl: string): RunningCommand {
  const ended = promisify(execFile)(process.execPath, [TIDEGATE, ...args], {
    env: { ...process.env, REDIS_URL: redisUrl },
  })
  return { ended, kill: () => void ended.child.kill('SIGKILL') }
}

/** Waits for a child's `{ type: 'ready', port? }`. */
export function untilReady(child: ChildProcess): Promise<ServerProcess> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error('a child process did not become ready'))
    }, READY_DEADLINE_MS)
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`a child process ended with code ${code} before it was ready`))
    })
    child.on('message', (message: { type?: string; port?: number }) => {
      if (message.type !== 'ready') return
      clearTimeout(timer)
      resolve({
        pid: child.pid!,
        port: message.port ?? 0,
        get hasEnded() {
          return hasEnded(child)
        },
        stop: () => end(child, 'SIGTERM'),
        kill: () => end(child, 'SIGKILL'),
      })
    })
  })
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (hasEnded(child)) return Promise.resolve()
  return new Promise((resolve) => {
    child.removeAllListeners('exit')
    child.once('exit', () => resolve())
    child.kill(signal)
  })
}
