import { FIRST } from '../contract/contract-head.ts'
import { HEARTBEAT_FRESH_MS } from '../heartbeat.ts'
import { keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { answersOf } from '../redis/answers-of.ts'
import { redisNow } from '../redis/redis-time.ts'
import { loadScript, type Script } from '../redis/script.ts'
import { WORKER_ALIVE_MS, type WorkerReport } from './worker-report.ts'

/** Also in a full Redis: workers would seem to be gone, and the share of each to be everything. */
const REPORT_SCRIPT: Script = loadScript('worker-report', { allowOom: true, include: ['owner'] })

/** Generations of contracts: the worker's own, and the latest. */
export interface Generations {
  readonly generation: number
  readonly latest: number
}

const NO_OTHERS: Generations = { generation: FIRST, latest: FIRST }

/** The entry of a worker among the live ones, by heartbeats in Redis. */
export class Roster {
  readonly #channel: Channel
  readonly #workerId: string

  readonly #contracts: Generations

  constructor(channel: Channel, workerId: string, contracts: Generations = NO_OTHERS) {
    this.#channel = channel
    this.#workerId = workerId
    this.#contracts = contracts
  }

  /**
   * Renews this worker's entry with its report and returns how many workers share the partitions: those of its contract whose
   * entry is as fresh as an owner's heartbeat must be. A dead worker must not count for longer than its partitions stay its own:
   * the share would be too small for whoever takes them over, and they would be given up again.
   *
   * @throws BusUnavailable
   */
  async renew(report: WorkerReport): Promise<number> {
    const scriptKeys = [keys.workers, keys.workersOf(this.#contracts.generation), keys.worker(this.#workerId)]
    const args = [this.#workerId, JSON.stringify(report), WORKER_ALIVE_MS, HEARTBEAT_FRESH_MS]
    return (await this.#channel.script(REPORT_SCRIPT, scriptKeys, args)) as number
  }

  /** Whether a worker of a later contract is alive. @throws BusUnavailable */
  async isSucceeded(): Promise<boolean> {
    const { generation, latest } = this.#contracts
    if (latest === generation) return false
    const later = Array.from({ length: latest - generation }, (_, i) => generation + 1 + i)
    const counts = await this.#channel.run(async (redis) => {
      const bounds = freshBounds(await redisNow(redis))
      return Promise.all(later.map((one) => redis.zcount(keys.workersOf(one), ...bounds)))
    })
    return counts.some((count) => count > 0)
  }

  /** @throws BusUnavailable */
  async leave(): Promise<void> {
    await this.#channel.run((redis) =>
      answersOf(
        redis
          .pipeline()
          .zrem(keys.workers, this.#workerId)
          .zrem(keys.workersOf(this.#contracts.generation), this.#workerId)
          .del(keys.worker(this.#workerId)),
      ),
    )
  }
}

const freshBounds = (now: number) => [`(${now - HEARTBEAT_FRESH_MS}`, `(${now + HEARTBEAT_FRESH_MS}`] as const
