import { type ChildProcess, fork } from 'node:child_process'
import { childEnvironment } from '../config/settings/settings.ts'
import { COMMAND } from '../package-files.ts'
import { Backoff } from './backoff.ts'
import { Watchdog } from './watchdog.ts'

/** Beyond the child's own time to drain: it hangs. */
const HANGING_MS = 1_000

export interface ChildOptions {
  /** Display name: `gateway`, `worker 2`. */
  readonly name: string
  /** Command line after `tidegate`. */
  readonly args: readonly string[]
  /** Options of Node. */
  readonly nodeOptions: readonly string[]
  /** Variables that differ from this process's. */
  readonly environment: Readonly<Record<string, string>>
  /** Variables that it has where none are set. */
  readonly defaults: Readonly<Record<string, string>>
  /** A child without a sign of life for this long is replaced. */
  readonly hungSeconds: number
  readonly say: (line: string) => void
}

/** One `tidegate` command as a child process, restarted whenever it ends by itself. */
export class Child {
  readonly #options: ChildOptions
  readonly #backoff = new Backoff(Math.random)
  #metricsPort: number | undefined
  #isReady = false
  #restarts = 0
  #process: ChildProcess | undefined
  #restart: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: ChildOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Where it answers operators, as it said when it was ready last. */
  get metricsPort(): number | undefined {
    return this.#metricsPort
  }

  /** How often it ended by itself. */
  get restarts(): number {
    return this.#restarts
  }

  /** Process id while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /**
   * Starts it and waits until it is ready. From then on it is kept running.
   *
   * @throws when it ends before: it has printed the reason on standard error, and would end the same way again.
   */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#spawn({
        onReady: resolve,
        onEndBeforeReady: (how) => reject(new Error(`The ${this.#options.name} ${how} at its start.`)),
      })
    })
  }

  /** SIGTERM; kill -9 shortly after the deadline. Idempotent. */
  close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#closing ??= this.#end(deadlineMs)
    return this.#closing
  }

  #spawn(first?: { onReady: () => void; onEndBeforeReady: (how: string) => void }): void {
    const { name, args, nodeOptions, environment, defaults, hungSeconds, say } = this.#options
    const startedAt = performance.now()
    let ready = false
    let watchdog: Watchdog | undefined
    const child = fork(COMMAND, args, {
      execArgv: [...nodeOptions],
      env: childEnvironment(environment, { TIDEGATE_LOG_LEVEL: 'warn', ...defaults }),
      // In a process group of its own: Ctrl-C in the terminal reaches only this process, which ends its children in
      // order.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#process = child
    child.on('message', (message: { type?: string; metricsPort?: number }) => {
      watchdog?.seen()
      if (message.type !== 'ready') return
      ready = true
      this.#isReady = true
      this.#metricsPort = message.metricsPort
      watchdog = new Watchdog(hungSeconds, () => {
        say(`${name} has not moved for ${hungSeconds} s; ending it`)
        child.kill('SIGKILL')
      })
      if (first !== undefined) first.onReady()
      else say(`${name} is back`)
    })
    child.once('exit', (code, signal) => {
      this.#process = undefined
      this.#isReady = false
      watchdog?.close()
      if (this.#closing !== undefined) return
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
      if (first !== undefined && !ready) {
        first.onEndBeforeReady(how)
        return
      }
      this.#restarts++
      const waitMs = this.#backoff.next(performance.now() - startedAt)
      const { soonEnds } = this.#backoff
      const again = soonEnds > 1 ? `, for the ${soonEnds}. time soon after its start` : ''
      say(`${name} ${how}${again}; starting it again in ${(waitMs / 1_000).toFixed(1)} s`)
      this.#restart = setTimeout(() => this.#spawn(), waitMs)
    })
  }

  async #end(deadlineMs: number): Promise<void> {
    clearTimeout(this.#restart)
    const child = this.#process
    if (child === undefined) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs + HANGING_MS)
    await ended
    clearTimeout(timer)
  }
}
