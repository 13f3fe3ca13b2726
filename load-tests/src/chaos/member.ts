import { type ServerProcess, startTidegate } from '../support/processes.ts'

const MAX_STARTS = 5

/** What a process runs. */
export interface Program {
  /** File of the `tidegate` command. */
  readonly tidegate: string
  readonly config: string
}

/** One gateway or worker of a deployment: a place that is filled by one process after the other. */
export class Member {
  readonly name: string
  readonly #command: 'gateway' | 'worker'
  #program: Program
  readonly #env: () => Readonly<Record<string, string>>
  #process: ServerProcess | undefined
  #starts = 0
  /** One that sleeps does not see that its parent has gone. */
  readonly #onExit = () => this.isAlive && this.signal('SIGKILL')

  constructor(
    name: string,
    command: 'gateway' | 'worker',
    program: Program,
    env: () => Readonly<Record<string, string>>,
  ) {
    this.name = name
    this.#command = command
    this.#program = program
    this.#env = env
    process.on('exit', this.#onExit)
  }

  get port(): number {
    return this.#process?.port ?? 0
  }

  /** `undefined` before its first start. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /**
   * Starts a process under a name of its own; a gateway listens where the one before it did. One that ends at its
   * start, as it does when it finds no Redis, is started again, as a supervisor does.
   */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#startOnce()
      } catch (error) {
        if (attempt === MAX_STARTS) throw error
      }
    }
  }

  /**
   * Another process, of another program, takes its place. A worker starts beside the one before; a gateway after it, since it
   * listens where that one did.
   */
  async replace(program: Program): Promise<void> {
    this.#program = program
    if (this.#command === 'gateway') {
      await this.stop()
      return this.start()
    }
    const before = this.#process
    await this.start()
    await before?.stop()
  }

  async #startOnce(): Promise<void> {
    const port = this.#command === 'gateway' ? ['--port', `${this.port}`] : []
    const env = { ...this.#env(), TIDEGATE_NODE: `${this.name}-${++this.#starts}` }
    const { tidegate, config } = this.#program
    this.#process = await startTidegate([this.#command, '--config', config, ...port], env, tidegate)
  }

  /** kill -9 for good. */
  async close(): Promise<void> {
    await this.kill()
    process.off('exit', this.#onExit)
  }

  /** SIGTERM, and waits for the end. */
  stop(): Promise<void> {
    return this.#process?.stop() ?? Promise.resolve()
  }

  /** kill -9, and waits for the end. */
  kill(): Promise<void> {
    return this.#process?.kill() ?? Promise.resolve()
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#process!.pid, signal)
  }

  /** Whether its process runs. */
  get isAlive(): boolean {
    return this.#process?.hasEnded === false
  }
}
