import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { FoundProgram } from './find-program.ts'

/** Ends the program when this process ends, however it does: then nobody holds the other end of standard input. */
const WHILE_HELD = `exec 3<&0
"$@" 3<&- >&2 &
program=$!
echo $program
(read -r _ <&3; kill -TERM $program) >/dev/null 2>&1 &
holder=$!
wait $program
kill $holder 2>/dev/null`

const START_DEADLINE_MS = 10_000
const POLL_MS = 10
const KEPT_OUTPUT_CHARS = 2_000

/** A server that is no program of ours, listening on a port of this machine. */
export class Program {
  readonly pid: number
  readonly #shell: ChildProcess

  private constructor(pid: number, shell: ChildProcess) {
    this.pid = pid
    this.#shell = shell
  }

  /** @throws when it ends, or does not listen in time, with the end of what it said */
  static async start({ command, environment }: FoundProgram, args: readonly string[], port: number): Promise<Program> {
    const shell = spawn('/bin/sh', ['-c', WHILE_HELD, 'sh', command, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let said = ''
    shell.stderr.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-KEPT_OUTPUT_CHARS)
    })
    const [line] = await once(createInterface(shell.stdout), 'line')
    const program = new Program(Number(line), shell)
    for (const deadline = performance.now() + START_DEADLINE_MS; !(await isListening(port)); ) {
      if (program.#hasEnded || performance.now() > deadline) {
        await program.kill()
        throw new Error(`${command} did not start: ${said}`)
      }
      await sleep(POLL_MS)
    }
    return program
  }

  /** SIGTERM, and waits for the end. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** kill -9, and waits for the end. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  get #hasEnded(): boolean {
    return this.#shell.exitCode !== null || this.#shell.signalCode !== null
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#hasEnded) return
    const ended = once(this.#shell, 'exit')
    process.kill(this.pid, signal)
    await ended
  }
}

/** The version that a program prints on some option. */
export async function versionOf({ command, environment }: FoundProgram, option: string): Promise<string> {
  // Some print it beside an exit code that is not 0.
  const { stdout, stderr } = await promisify(execFile)(command, [option], { env: { ...environment } }).catch(
    (error: { readonly stdout: string; readonly stderr: string }) => error,
  )
  return /\d+\.\d+(\.\d+)*/.exec(stdout + stderr)?.[0] ?? 'unknown'
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
