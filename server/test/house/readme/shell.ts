import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 50
const OUTPUT_DEADLINE_MS = 60_000
const STOP_DEADLINE_MS = 20_000

/** One block of commands in a bash and process group of its own. */
export class Shell {
  output = ''
  readonly #commands: string
  readonly #deadlineMs: number
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #ended: Promise<number | null>

  /** @param deadlineMs for all that is waited for */
  constructor(
    commands: string,
    cwd: string,
    environment: Readonly<Record<string, string>>,
    deadlineMs = OUTPUT_DEADLINE_MS,
  ) {
    this.#commands = commands
    this.#deadlineMs = deadlineMs
    this.#child = spawn('bash', ['-euo', 'pipefail', '-c', commands], {
      cwd,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve))
  }

  /** Rejects unless all commands succeed in time. */
  async untilDone(): Promise<void> {
    const code = await Promise.race([this.#ended, sleep(this.#deadlineMs, 'still running' as const, { ref: false })])
    if (code !== 0) throw this.#failure(`ended with ${code}`)
  }

  /** Rejects when the text is not printed in time, or can no longer be. */
  async untilPrinted(text: string): Promise<void> {
    for (const deadline = Date.now() + this.#deadlineMs; !this.output.includes(text); await sleep(POLL_MS)) {
      if (Date.now() > deadline || this.#child.exitCode !== null) throw this.#failure(`did not print ${text}`)
    }
  }

  /** Ctrl-C for the whole group; rejects when it does not end upon it. Idempotent. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    process.kill(-this.#child.pid!, 'SIGINT')
    const late = await Promise.race([this.#ended, sleep(STOP_DEADLINE_MS, 'late' as const, { ref: false })])
    if (late !== 'late') return
    process.kill(-this.#child.pid!, 'SIGKILL')
    throw this.#failure('did not end upon Ctrl-C')
  }

  #failure(what: string): Error {
    return new Error(`${this.#commands}\n${what}:\n${this.output}`)
  }
}
