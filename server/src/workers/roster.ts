import { keys, type Redis, type WorkerReport } from '../bus/index.ts'

/** A worker that was not heard of for this long does not count. */
const ALIVE_MS = 3_000

/** Which workers are alive, by their heartbeats in Redis. */
export class Roster {
  readonly #redis: Redis
  readonly #workerId: string

  constructor(redis: Redis, workerId: string) {
    this.#redis = redis
    this.#workerId = workerId
  }

  /** Renews this worker's entry with its report and returns how many workers are alive. */
  async renew(report: WorkerReport): Promise<number> {
    const now = await this.#now()
    const replies = await this.#redis
      .pipeline()
      .zadd(keys.workers, now, this.#workerId)
      .zremrangebyscore(keys.workers, 0, now - ALIVE_MS)
      .set(keys.worker(this.#workerId), JSON.stringify(report), 'PX', ALIVE_MS)
      .zcard(keys.workers)
      .exec()
    return replies!.at(-1)![1] as number
  }

  async leave(): Promise<void> {
    await this.#redis.pipeline().zrem(keys.workers, this.#workerId).del(keys.worker(this.#workerId)).exec()
  }

  async #now(): Promise<number> {
    const [seconds] = await this.#redis.time()
    return Number(seconds) * 1_000
  }
}
