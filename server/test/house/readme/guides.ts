import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { REPOSITORY } from '../../../../scripts/source-files.ts'
import type { Order, Report } from './guide-host.ts'
import type { Running } from './runner.ts'

const HOST = join(REPOSITORY, 'server/test/house/readme/guide-host.ts')
const POLL_MS = 20
const DEADLINE_MS = 30_000

/** A deployment, and the programs that pages run on it, in a process of their own. */
export class GuideHost {
  readonly #folder: string
  readonly #process: ChildProcess
  readonly #programs: Program[] = []
  readonly #port: Promise<number>

  /** @param configs paths of the configs whose topics the deployment has */
  constructor(folder: string, configs: readonly string[]) {
    this.#folder = folder
    // The folder has the tsconfig.json by which packages are found as a reader has them installed.
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
    this.#process = fork(HOST, configs, { cwd: folder, execArgv: ['--import', 'tsx'], stdio: [...stdio] })
    this.#port = new Promise((resolve, reject) => {
      this.#process.once('exit', (code) => reject(new Error(`the host of the guides ended with ${code}`)))
      this.#process.on('message', (report: Report) => {
        if (report.type === 'ready') resolve(report.port)
        else this.#programs[report.program]!.note(report)
      })
    })
  }

  /** That of its gateway, when it serves. */
  get port(): Promise<number> {
    return this.#port
  }

  run(file: string): Running {
    const program = new Program(file)
    const order: Order = { program: this.#programs.push(program) - 1, file: join(this.#folder, file) }
    this.#process.send(order)
    return program
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.disconnect()
    await exit
  }
}

class Program implements Running {
  readonly #file: string
  #output = ''
  #end: Extract<Report, { type: 'ended' }> | undefined

  constructor(file: string) {
    this.#file = file
  }

  note(report: Exclude<Report, { type: 'ready' }>): void {
    if (report.type === 'printed') this.#output += report.text
    else this.#end = report
  }

  async untilDone(): Promise<void> {
    await this.#until(() => this.#end !== undefined, 'did not end')
    if (this.#end?.error !== undefined) throw this.#failure(`threw ${this.#end.error}`)
  }

  async untilPrinted(text: string): Promise<void> {
    await this.#until(() => this.#output.includes(text) || this.#end?.error !== undefined, `did not print ${text}`)
    if (!this.#output.includes(text)) throw this.#failure(`threw ${this.#end?.error}`)
  }

  async #until(holds: () => boolean, otherwise: string): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !holds(); await sleep(POLL_MS)) {
      if (Date.now() > deadline) throw this.#failure(otherwise)
    }
  }

  #failure(what: string): Error {
    return new Error(`${this.#file} ${what}:\n${this.#output}`)
  }
}
