import { fileURLToPath } from 'node:url'
import { type ServerProcess, startTidegate } from '../support/processes.ts'
import { type BenchRedis, startBenchRedis } from '../support/redis.ts'

const CONFIG = fileURLToPath(new URL('./exactness.config.ts', import.meta.url))

/** A Redis, a gateway and two workers as separate processes, each of which can be ended and brought back. */
export class Fleet {
  readonly #redis: BenchRedis
  #gateway: ServerProcess
  readonly #workers: ServerProcess[]

  private constructor(redis: BenchRedis, gateway: ServerProcess, workers: ServerProcess[]) {
    this.#redis = redis
    this.#gateway = gateway
    this.#workers = workers
  }

  static async start(): Promise<Fleet> {
    const redis = await startBenchRedis()
    const [gateway, ...workers] = await Promise.all([
      startGateway(redis.url, 0),
      startWorker(redis.url),
      startWorker(redis.url),
    ])
    return new Fleet(redis, gateway, workers)
  }

  get url(): string {
    return `http://127.0.0.1:${this.#gateway.port}`
  }

  get redisUrl(): string {
    return this.#redis.url
  }

  /** kill -9; a replacement starts at once, as the supervisor would start one. */
  async killWorker(): Promise<void> {
    await this.#workers.shift()!.kill()
    this.#workers.push(await startWorker(this.#redis.url))
  }

  /** kill -9; the replacement listens on the same port. */
  async killGateway(): Promise<void> {
    const { port } = this.#gateway
    await this.#gateway.kill()
    this.#gateway = await startGateway(this.#redis.url, port)
  }

  /** SIGTERM, then a start on the same data. */
  restartRedis(): Promise<void> {
    return this.#redis.restart()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#gateway, ...this.#workers].map((child) => child.stop()))
    await this.#redis.close()
  }
}

const startGateway = (redisUrl: string, port: number) =>
  startTidegate(['gateway', '--port', `${port}`, '--config', CONFIG], { REDIS_URL: redisUrl })

const startWorker = (redisUrl: string) => startTidegate(['worker', '--config', CONFIG], { REDIS_URL: redisUrl })
