import { keys, type Redis, redisNow, WORKER_ALIVE_MS, type WorkerReport } from '../bus/index.ts'

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
    const now = await redisNow(this.#redis)
    const replies = await this.#redis
      .pipeline()
      .zadd(keys.workers, now, this.#workerId)
      .zremrangebyscore(keys.workers, '-inf', now - WORKER_ALIVE_MS)
      .zremrangebyscore(keys.workers, now + WORKER_ALIVE_MS, '+inf')
      .set(keys.worker(this.#workerId), JSON.stringify(report), 'PX', WORKER_ALIVE_MS)
      .zcard(keys.workers)
      .exec()
    return replies!.at(-1)![1] as number
  }

  async leave(): Promise<void> {
    await this.#redis.pipeline().zrem(keys.workers, this.#workerId).del(keys.worker(this.#workerId)).exec()
  }
}
