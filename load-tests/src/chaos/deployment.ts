import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RedisCluster, type RedisClusterOptions } from '../../../server/test/support/redis-cluster.ts'
import { SentinelGroup, type SentinelGroupOptions } from '../../../server/test/support/sentinel-group.ts'
import { earlierVersion } from '../support/earlier-version.ts'
import { TIDEGATE } from '../support/processes.ts'
import { type RedisOptions, RedisProcess } from '../support/redis-process.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { Member, type Program } from './member.ts'

export const CONFIG = fileURLToPath(new URL('./chaos.config.ts', import.meta.url))
const PRESENT: Program = { tidegate: TIDEGATE, config: CONFIG }
/** With a topic, windows and an optional field more. */
const NEXT: Program = { tidegate: TIDEGATE, config: fileURLToPath(new URL('./next.config.ts', import.meta.url)) }

const PROGRAMS = {
  present: () => PRESENT,
  /** With the config that it grows to. */
  next: () => NEXT,
  /** An earlier version, with the same config. */
  earlier: () => {
    const folder = earlierVersion()
    const config = join(folder, 'load-tests/src/chaos/chaos.config.ts')
    return { tidegate: join(folder, 'server/bin/tidegate.js'), config }
  },
} satisfies Readonly<Record<string, () => Program>>

export type ProgramName = keyof typeof PROGRAMS

/** At first. */
export const PARTITIONS = 4
export const ALL_PARTITIONS: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition)

export interface DeploymentOptions extends RedisOptions {
  /** A master, replicas and Sentinels in place of one Redis. Gateways and workers reach them without a proxy. */
  readonly sentinels?: SentinelGroupOptions
  /** Masters and replicas in place of one Redis, likewise. */
  readonly cluster?: RedisClusterOptions
  /** The program of all processes at first. */
  readonly program?: ProgramName
  /** More variables for gateways and workers. */
  readonly env?: Readonly<Record<string, string>>
}

interface Store {
  redis?: RedisProcess
  sentinels?: SentinelGroup
  cluster?: RedisCluster
}

/** Two gateways and two workers, as processes, and a Redis that they reach through a proxy, Sentinels that name it, or a cluster. */
export class Deployment {
  #redis: RedisProcess | undefined
  readonly #sentinels: SentinelGroup | undefined
  readonly #cluster: RedisCluster | undefined
  readonly #member: (command: 'gateway' | 'worker', n: number) => Member
  /** Between gateways and workers, and Redis. */
  readonly link: TcpProxy
  readonly gateways: readonly Member[]
  readonly workers: Member[]
  /** Of the data, and of processes that start from now on. */
  partitions = PARTITIONS

  private constructor(store: Store, link: TcpProxy, program: Program, env: Readonly<Record<string, string>>) {
    this.#redis = store.redis
    this.#sentinels = store.sentinels
    this.#cluster = store.cluster
    this.link = link
    const environment = {
      REDIS_URL: (store.sentinels ?? store.cluster)?.url ?? `redis://127.0.0.1:${link.port}`,
      TIDEGATE_LOG_LEVEL: 'silent',
      ...env,
    }
    const variables = () => ({ ...environment, TIDEGATE_PARTITIONS: `${this.partitions}` })
    this.#member = (command, n) => new Member(`${command}-${n}`, command, program, variables)
    this.gateways = [1, 2].map((n) => this.#member('gateway', n))
    this.workers = [1, 2].map((n) => this.#member('worker', n))
  }

  static async start(
    { env = {}, sentinels, cluster, program = 'present', ...options }: DeploymentOptions,
    random: () => number,
  ): Promise<Deployment> {
    const first = PROGRAMS[program]()
    const store: Store = {}
    if (sentinels !== undefined) store.sentinels = await SentinelGroup.start(sentinels)
    else if (cluster !== undefined) store.cluster = await RedisCluster.start(cluster)
    else store.redis = await RedisProcess.start(options)
    const link = await TcpProxy.open(() => (store.redis === undefined ? [] : [store.redis.target]), random)
    const deployment = new Deployment(store, link, first, env)
    try {
      await Promise.all(deployment.members.map((member) => member.start()))
      return deployment
    } catch (error) {
      await deployment.close()
      throw error
    }
  }

  /** It MUST have neither Sentinels nor a cluster. */
  get redis(): RedisProcess {
    return this.#redis!
  }

  /** It MUST have some. */
  get sentinels(): SentinelGroup {
    return this.#sentinels!
  }

  /** It MUST have one. */
  get cluster(): RedisCluster {
    return this.#cluster!
  }

  /** Of the Redis with the data, past every proxy. */
  get redisUrl(): string {
    return (this.#sentinels ?? this.#cluster ?? this.redis).url
  }

  /** Another Redis takes the place of the one before, which is closed. */
  async replaceRedis(redis: RedisProcess): Promise<void> {
    const before = this.redis
    this.#redis = redis
    this.link.retarget(() => [redis.target])
    this.link.cut()
    await before.close()
  }

  /** Resolves when it runs. */
  async addWorker(): Promise<void> {
    const worker = this.#member('worker', this.workers.length + 1)
    this.workers.push(worker)
    await worker.start()
  }

  /** Workers first, then gateways, one after the other. */
  async roll(name: ProgramName): Promise<void> {
    const program = PROGRAMS[name]()
    for (const member of [...this.workers, ...this.gateways]) await member.replace(program)
  }

  get members(): readonly Member[] {
    return [...this.gateways, ...this.workers]
  }

  /** Ends everything, without ceremony. */
  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()))
    await this.link.close()
    await (this.#sentinels ?? this.#cluster ?? this.redis).close()
  }
}
