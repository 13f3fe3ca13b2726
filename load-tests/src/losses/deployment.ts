import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { readSettings } from '../../../server/src/config/settings/settings.ts'
import { type RunningGateway, startGateway } from '../../../server/src/gateway-app.ts'
import { type RunningWorker, startWorker } from '../../../server/src/worker-app.ts'
import { DELIVERY_LIMITS } from '../../../server/test/support/delivery-limits.ts'
import { RedisProcess } from '../support/redis-process.ts'
import config from './losses.config.ts'
import type { Cut, Step } from './schedule.ts'
import { within } from './waits.ts'

export const PARTITIONS = 2
const START_DEADLINE_MS = 20_000
const CLOSE_DEADLINE_MS = 10_000
const LAST_ANSWERS_MS = 200

type Loss = Extract<Step, { do: 'lose' }>

/** Two gateways and a worker in this process, and a Redis that loses the end of its log. */
export class Deployment {
  readonly #redis: RedisProcess
  readonly #gateways: RunningGateway[] = []
  #worker: RunningWorker | undefined
  #ports: number[] = []
  #mark = 0
  #cutTo = 0
  /** Errors that no code foresaw. */
  readonly defects: string[] = []
  /** When Redis ended, ms since 1970, as in stream ids. */
  readonly losses: number[] = []
  /** When each gateway ended, `performance.now()`. */
  readonly ends: { readonly gateway: number; readonly at: number }[] = []

  private constructor(redis: RedisProcess) {
    this.#redis = redis
  }

  static async start(isOwn: boolean): Promise<Deployment> {
    const deployment = new Deployment(await RedisProcess.start({ fsync: 'everysec', isOwn }))
    try {
      for (const gateway of [0, 1] as const) await deployment.#startGateway(gateway)
      const { url: redisUrl } = deployment.#redis
      const log = () => {}
      const settings = { redisUrl, partitions: PARTITIONS, workerId: 'w', log, redisWaitMs: START_DEADLINE_MS }
      deployment.#worker = await startWorker(settings, config.contract)
      return deployment
    } catch (error) {
      await deployment.close()
      throw error
    }
  }

  urlOf(gateway: number): string {
    return `http://127.0.0.1:${this.#ports[gateway]}`
  }

  /** A connection to Redis, which the caller ends. */
  async connect(): Promise<Redis> {
    const redis = openCommandConnection(this.#redis.url, 'losses')
    await untilReady(redis, START_DEADLINE_MS)
    return redis
  }

  async mark(): Promise<void> {
    this.#mark = await this.#redis.logBytes()
  }

  async lose({ cut, downMs, gateways, again }: Loss): Promise<void> {
    await Promise.all(gateways.map((gateway) => this.#endGateway(gateway)))
    await this.#loseOnce(cut, downMs)
    if (again !== undefined) {
      await sleep(again.afterMs)
      await this.#loseOnce(again.cut, 0)
    }
    await Promise.all(gateways.map((gateway) => this.#startGateway(gateway)))
  }

  async restart(gateway: 0 | 1): Promise<void> {
    await this.#endGateway(gateway)
    await this.#startGateway(gateway)
  }

  async close(): Promise<void> {
    const closing = [...this.#gateways, this.#worker].map((each) => each?.close({ deadlineMs: 0 }))
    await within(CLOSE_DEADLINE_MS, 'gateways and the worker to close', Promise.all(closing)).catch((error: Error) =>
      this.defects.push(error.message),
    )
    await this.#redis.close()
  }

  async #loseOnce(cut: Cut, downMs: number): Promise<void> {
    await this.#redis.end('SIGKILL')
    this.losses.push(Date.now())
    const bytes = await this.#redis.logBytes()
    this.#cutTo = Math.min(bytes, this.#endOf(cut, bytes))
    await this.#redis.cutLogTo(this.#cutTo)
    await sleep(downMs)
    await this.#redis.start()
  }

  #endOf(cut: Cut, bytes: number): number {
    switch (cut.to) {
      case 'end':
        return bytes
      case 'mark':
        return this.#mark
      case 'same':
        return this.#cutTo
      case 'bytes':
        // Not what was there before anything was published.
        return Math.max(this.#mark, bytes - cut.bytes)
    }
  }

  async #endGateway(gateway: 0 | 1): Promise<void> {
    await within(CLOSE_DEADLINE_MS, `gateway ${gateway} to close`, this.#gateways[gateway]!.close({ deadlineMs: 0 }))
    // It answers until then, and its last answers are still on their way.
    this.ends.push({ gateway, at: performance.now() + LAST_ANSWERS_MS })
  }

  async #startGateway(gateway: 0 | 1): Promise<void> {
    const settings = {
      redisUrl: this.#redis.url,
      partitions: PARTITIONS,
      redisWaitMs: START_DEADLINE_MS,
      host: '127.0.0.1',
      port: this.#ports[gateway] ?? 0,
      sharedPort: false,
      transport: readSettings().transport,
      delivery: DELIVERY_LIMITS,
      node: `g-${gateway}`,
      // However busy the machine is: no client is to be turned away.
      maxLagMs: 10_000,
      onDefect: ({ where, error }: { readonly where: string; readonly error: unknown }) =>
        this.defects.push(`${where}: ${error instanceof Error ? error.stack : error}`),
    }
    this.#gateways[gateway] = await startGateway(settings, config.contract)
    this.#ports[gateway] = this.#gateways[gateway].port
  }
}
