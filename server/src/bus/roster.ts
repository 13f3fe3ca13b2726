import type { Channel } from './channel.ts'
import { HEARTBEAT_FRESH_MS } from './heartbeat.ts'
import { keys } from './keys.ts'
import { redisNow } from './redis-time.ts'
import { WORKER_ALIVE_MS, type WorkerReport } from './worker-report.ts'

/** The entry of a worker among the live ones, by heartbeats in Redis. */
export class Roster {
  readonly #channel: Channel
  readonly #workerId: string

  constructor(channel: Channel, workerId: string) {
    this.#channel = channel
    this.#workerId = workerId
  }

  /**
   * Renews this worker's entry with its report and returns how many workers share the partitions: those whose entry is
   * as fresh as an owner's heartbeat must be. A dead worker must not count for longer than its partitions stay its own:
   * the share would be too small for whoever takes them over, and they would be given up again.
   *
   * @throws BusUnavailable
   */
  renew(report: WorkerReport): Promise<number> {
    return this.#channel.run(async (redis) => {
      const now = await redisNow(redis)
      const replies = await redis
        .pipeline()
        .zadd(keys.workers, now, this.#workerId)
        .zremrangebyscore(keys.workers, '-inf', now - WORKER_ALIVE_MS)
        .zremrangebyscore(keys.workers, now + WORKER_ALIVE_MS, '+inf')
        .set(keys.worker(this.#workerId), JSON.stringify(report), 'PX', WORKER_ALIVE_MS)
        .zcount(keys.workers, `(${now - HEARTBEAT_FRESH_MS}`, `(${now + HEARTBEAT_FRESH_MS}`)
        .exec()
      return replies!.at(-1)![1] as number
    })
  }

  /** @throws BusUnavailable */
  async leave(): Promise<void> {
    await this.#channel.run((redis) =>
      redis.pipeline().zrem(keys.workers, this.#workerId).del(keys.worker(this.#workerId)).exec(),
    )
  }
}
