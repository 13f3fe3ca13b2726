import { fileURLToPath } from 'node:url'
import { type ServerProcess, startTidegate } from '../support/processes.ts'

const CONFIG = fileURLToPath(new URL('./crashes.config.ts', import.meta.url))

const MAX_STARTS = 5

/** The worker processes of one schedule. What is to be done to one does nothing while none runs. */
export class Workers {
  readonly #env: Readonly<Record<string, string>>
  readonly #running: ServerProcess[] = []
  /** Stopped by SIGSTOP. */
  readonly #asleep = new Set<ServerProcess>()

  constructor(redisUrl: string) {
    this.#env = { REDIS_URL: redisUrl, TIDEGATE_LOG_LEVEL: 'silent' }
  }

  get count(): number {
    return this.#running.length
  }

  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#startOne()))
  }

  /** A disturbance may end one that is just starting: a supervisor would start it again. */
  async #startOne(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#running.push(await startTidegate(['worker', '--config', CONFIG], this.#env))
        return
      } catch (error) {
        if (attempt >= MAX_STARTS) throw error
      }
    }
  }

  /** kill -9 of one, and another in its place. @param which uniform number in [0, 1) */
  async crash(which: number): Promise<void> {
    await this.#take(which)?.kill()
    await this.start(1)
  }

  /** SIGTERM to one that is awake, and waits for the end. */
  async stop(which: number): Promise<void> {
    await this.#take(which, (worker) => !this.#asleep.has(worker))?.stop()
  }

  /** SIGSTOP; returns what lets it go on. */
  freeze(which: number): () => void {
    const worker = this.#running[Math.floor(which * this.#running.length)]
    if (worker === undefined) return () => undefined
    this.#asleep.add(worker)
    process.kill(worker.pid, 'SIGSTOP')
    return () => {
      if (!this.#asleep.delete(worker)) return
      process.kill(worker.pid, 'SIGCONT')
    }
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((worker) => worker.kill()))
  }

  #take(which: number, isMeant = (_: ServerProcess) => true): ServerProcess | undefined {
    const choice = this.#running.filter(isMeant)
    const worker = choice[Math.floor(which * choice.length)]
    if (worker !== undefined) this.#running.splice(this.#running.indexOf(worker), 1)
    if (worker !== undefined) this.#asleep.delete(worker)
    return worker
  }
}
