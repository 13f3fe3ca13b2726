import { keys } from '../../../server/src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { logOf } from '../../../server/test/support/bus.ts'

const SAMPLE_MS = 500

/**
 * Samples how far the worker is behind: the largest time, over the partitions, between the newest entry and the
 * committed offset.
 */
export class ConsumerLag {
  readonly #redis: Redis
  readonly #partitions: number
  readonly #topic: string
  #samples: number[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(redisUrl: string, partitions: number, topic: string) {
    this.#redis = openCommandConnection(redisUrl, 'bench-lag')
    this.#partitions = partitions
    this.#topic = topic
  }

  async start(): Promise<void> {
    await untilReady(this.#redis, 5_000)
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_MS)
  }

  /** Samples since the last call, ms, oldest first. */
  take(): number[] {
    return this.#samples.splice(0)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#redis.disconnect()
  }

  async #sample(): Promise<void> {
    const lags = await Promise.all(
      Array.from({ length: this.#partitions }, async (_, partition) => {
        const [heads, offsets] = await Promise.all([
          logOf(this.#redis, partition).heads([this.#topic]),
          this.#redis.hget(keys.meta(partition), 'offsets'),
        ])
        const newest = heads.topics.get(this.#topic)!.lastId
        const committed = (JSON.parse(offsets ?? '{}') as Record<string, string>)[this.#topic] ?? newest
        return Number.parseInt(newest, 10) - Number.parseInt(committed, 10)
      }),
    )
    this.#samples.push(Math.max(...lags))
  }
}
