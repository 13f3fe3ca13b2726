import { fileURLToPath } from 'node:url'
import { type RedisOptions, RedisProcess } from '../support/redis-process.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { Member } from './member.ts'

const CONFIG = fileURLToPath(new URL('./chaos.config.ts', import.meta.url))
export const PARTITIONS = 4

export interface DeploymentOptions extends RedisOptions {
  /** More variables for gateways and workers. */
  readonly env?: Readonly<Record<string, string>>
}

/** A Redis, two gateways and two workers that reach it through a proxy, as processes. */
export class Deployment {
  #redis: RedisProcess
  /** Between gateways and workers, and Redis. */
  readonly link: TcpProxy
  readonly gateways: readonly Member[]
  readonly workers: readonly Member[]

  private constructor(redis: RedisProcess, link: TcpProxy, env: Readonly<Record<string, string>>) {
    this.#redis = redis
    this.link = link
    const environment = {
      REDIS_URL: `redis://127.0.0.1:${link.port}`,
      TIDEGATE_PARTITIONS: `${PARTITIONS}`,
      TIDEGATE_LOG_LEVEL: 'silent',
      ...env,
    }
    const members = (command: string) =>
      [1, 2].map((n) => new Member(`${command}-${n}`, [command, '--config', CONFIG], environment))
    this.gateways = members('gateway')
    this.workers = members('worker')
  }

  static async start({ env = {}, ...options }: DeploymentOptions, random: () => number): Promise<Deployment> {
    const redis = await RedisProcess.start(options)
    const link = await TcpProxy.open(() => [redis.target], random)
    const deployment = new Deployment(redis, link, env)
    try {
      await Promise.all(deployment.members.map((member) => member.start()))
      return deployment
    } catch (error) {
      await deployment.close()
      throw error
    }
  }

  get redis(): RedisProcess {
    return this.#redis
  }

  /** Another Redis takes the place of the one before, which is closed. */
  async replaceRedis(redis: RedisProcess): Promise<void> {
    const before = this.#redis
    this.#redis = redis
    this.link.retarget(() => [redis.target])
    this.link.cut()
    await before.close()
  }

  get members(): readonly Member[] {
    return [...this.gateways, ...this.workers]
  }

  /** Ends everything, without ceremony. */
  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()))
    await this.link.close()
    await this.#redis.close()
  }
}
