import { fileURLToPath } from 'node:url'
import { isAlive, type ServerProcess, startTidegate, TIDEGATE } from '../support/processes.ts'

const CONFIG = fileURLToPath(new URL('./crashes.config.ts', import.meta.url))

const MAX_STARTS = 5

interface Worker {
  /** Its name, also in Redis. */
  readonly node: string
  readonly process: ServerProcess
}

/** The worker processes of one schedule. What is to be done to one does nothing while none runs. */
export class Workers {
  readonly #redisUrl: string
  readonly #fileFor: (node: string) => number
  readonly #running: Worker[] = []
  /** Stopped by SIGSTOP. */
  readonly #asleep = new Set<Worker>()
  #started = 0

  /** @param fileFor for the output of each */
  constructor(redisUrl: string, fileFor: (node: string) => number) {
    this.#redisUrl = redisUrl
    this.#fileFor = fileFor
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
      const node = `crash-${++this.#started}`
      const env = { REDIS_URL: this.#redisUrl, TIDEGATE_NODE: node }
      try {
        const started = await startTidegate(['worker', '--config', CONFIG], env, TIDEGATE, this.#fileFor(node))
        this.#running.push({ node, process: started })
        return
      } catch (error) {
        if (attempt >= MAX_STARTS) throw error
      }
    }
  }

  /** kill -9 of one, and another in its place. @param which uniform number in [0, 1) */
  async crash(which: number): Promise<void> {
    await this.#take(this.#running[Math.floor(which * this.#running.length)])?.kill()
    await this.start(1)
  }

  /** The same for the one of this name. */
  async crashNode(node: string): Promise<void> {
    await this.#take(this.#running.find((worker) => worker.node === node))?.kill()
    await this.start(1)
  }

  /** SIGTERM to one that is awake, and waits for the end. */
  async stop(which: number): Promise<void> {
    const awake = this.#running.filter((worker) => !this.#asleep.has(worker))
    await this.#take(awake[Math.floor(which * awake.length)])?.stop()
  }

  /**
   * SIGSTOP of a running one; `undefined` when there is none. `wake` returns whether it still sleeps, and resumes it.
   */
  freeze(isMeant: (node: string, index: number, count: number) => boolean): Sleeper | undefined {
    const awake = this.#running.filter((worker) => !this.#asleep.has(worker))
    const worker = awake.find(({ node }, i) => isMeant(node, i, awake.length))
    if (worker === undefined) return undefined
    this.#asleep.add(worker)
    process.kill(worker.process.pid, 'SIGSTOP')
    return {
      node: worker.node,
      wake: () => {
        if (!this.#asleep.delete(worker)) return false
        process.kill(worker.process.pid, 'SIGCONT')
        return true
      },
    }
  }

  /** Workers that ended by themselves. */
  ended(): string[] {
    return this.#running.filter(({ process: { pid } }) => !isAlive(pid)).map(({ node }) => node)
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((worker) => worker.process.kill()))
  }

  #take(worker: Worker | undefined): ServerProcess | undefined {
    if (worker === undefined) return undefined
    this.#running.splice(this.#running.indexOf(worker), 1)
    this.#asleep.delete(worker)
    return worker.process
  }
}

export interface Sleeper {
  readonly node: string
  wake(): boolean
}
