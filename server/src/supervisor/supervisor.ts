import { HEAP_OPTIONS, SMALL_HEAP_OPTIONS } from '../heap-options.ts'
import { localUrl } from '../local-url.ts'
import type { ChildFigures } from '../observability/supervisor-metrics.ts'
import { Backoff } from './backoff.ts'
import { Child } from './child.ts'
import { PrivateRedis, type PrivateRedisOptions } from './private-redis.ts'

export interface SupervisorOptions {
  /** A Redis to use, or how to run a private one. */
  readonly redis:
    | { readonly kind: 'external'; readonly url: string }
    | { readonly kind: 'private'; readonly options: PrivateRedisOptions }
  readonly host: string
  /** A free port. */
  readonly port: number
  /** Free ports for operators, one for each gateway; empty where they have none. */
  readonly adminPorts: readonly number[]
  /** Ports for operators, one for each worker: 0 for any, `undefined` for the first free one. */
  readonly metricsPorts: readonly (number | undefined)[]
  /** How the gateways are spoken to. */
  readonly scheme: 'http' | 'https'
  /** Name of this deployment's processes. */
  readonly node: string
  readonly gateways: number
  readonly workers: number
  /** Gateway and worker are one process. */
  readonly isSmall: boolean
  /** Config file for gateways and workers. */
  readonly config: string
  readonly demo: boolean
  /** A process without a sign of life for this long is replaced. */
  readonly hungSeconds: number
  /** Lines for people. */
  readonly say: (line: string) => void
}

const REDIS_STOP_MS = 10_000

/** Each partition costs an idle deployment its canaries, heartbeats and connections. */
const SMALL_DEFAULTS = { TIDEGATE_PARTITIONS: '2' }

/** All processes of one machine: Redis, gateways, workers, demo. Crashed ones are restarted, and reported. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #redis: PrivateRedis | undefined
  readonly #gateways: readonly Child[]
  readonly #workers: readonly Child[]
  readonly #demo: readonly Child[]
  #redisRestart: NodeJS.Timeout | undefined
  #redisFigures = { name: 'redis', isReady: true, restarts: 0 }
  #closing: Promise<void> | undefined

  private constructor(options: SupervisorOptions, redis: PrivateRedis | undefined, redisUrl: string) {
    this.#options = options
    this.#redis = redis
    const { scheme, host, port, config, gateways, workers, isSmall } = options
    const listen = ['--host', host, '--port', `${port}`, ...(gateways > 1 ? ['--shared-port'] : [])]
    const child = (
      name: string,
      args: readonly string[],
      nodeOptions: readonly string[],
      environment: Readonly<Record<string, string>> = {},
    ) =>
      new Child({
        name,
        args,
        nodeOptions,
        environment: {
          REDIS_URL: redisUrl,
          TIDEGATE_NODE: `${options.node}-${name.replace(' ', '-')}`,
          ...environment,
        },
        defaults: isSmall ? SMALL_DEFAULTS : {},
        hungSeconds: options.hungSeconds,
        say: options.say,
      })
    const metricsPort = (index: number): Readonly<Record<string, string>> => {
      const port = options.metricsPorts[index]
      return port === undefined ? {} : { TIDEGATE_METRICS_PORT: `${port}` }
    }
    const [gateway, heap] = isSmall ? ['single', SMALL_HEAP_OPTIONS] : ['gateway', HEAP_OPTIONS]
    this.#gateways = numbered(gateway, gateways).map((name, index) => {
      const adminPort = options.adminPorts[index]
      const environment = {
        ...(adminPort !== undefined && { TIDEGATE_ADMIN_PORT: `${adminPort}` }),
        // Of the worker in it.
        ...(isSmall && metricsPort(index)),
      }
      return child(name, [gateway, ...listen, '--config', config], heap, environment)
    })
    this.#workers = numbered('worker', isSmall ? 0 : workers).map((name, index) =>
      child(name, ['worker', '--config', config], HEAP_OPTIONS, metricsPort(index)),
    )
    this.#demo = options.demo ? [child('demo', ['demo', '--url', localUrl(scheme, host, port)], [])] : []
  }

  /**
   * Starts everything and waits until gateways and workers are ready.
   *
   * @param stopped aborts the start.
   * @throws after stopping what had started.
   */
  static async start(options: SupervisorOptions, stopped: AbortSignal): Promise<Supervisor> {
    stopped.throwIfAborted()
    const redis = await redisOf(options.redis, stopped)
    const supervisor = new Supervisor(options, redis.private, redis.url)
    supervisor.#keepRedis()
    try {
      for (const children of [[...supervisor.#gateways, ...supervisor.#workers], supervisor.#demo]) {
        stopped.throwIfAborted()
        await Promise.race([Promise.all(children.map((child) => child.start())), aborted(stopped)])
      }
      stopped.throwIfAborted()
      return supervisor
    } catch (error) {
      await supervisor.close({ deadlineMs: 0 })
      throw error
    }
  }

  /** Every process that it runs. */
  children(): readonly ChildFigures[] {
    const ofRedis = this.#redis === undefined ? [] : [this.#redisFigures]
    const figures = ({ name, isReady, restarts }: Child) => ({ name, isReady, restarts })
    return [...ofRedis, ...[...this.#gateways, ...this.#workers, ...this.#demo].map(figures)]
  }

  /** Where its workers answer operators. */
  get metricsPorts(): readonly number[] {
    return [...this.#gateways, ...this.#workers].flatMap(({ metricsPort }) => metricsPort ?? [])
  }

  /** For the browser on this machine. */
  get url(): string {
    return localUrl(this.#options.scheme, this.#options.host, this.#options.port)
  }

  /**
   * Stops publishers first, then the processes that fold, then Redis. Idempotent.
   *
   * @param options time for each of the three.
   */
  close(options: { readonly deadlineMs: number }): Promise<void> {
    this.#closing ??= this.#stop(options)
    return this.#closing
  }

  async #stop(options: { readonly deadlineMs: number }): Promise<void> {
    const stop = (children: readonly Child[]) => Promise.all(children.map((child) => child.close(options)))
    await stop([...this.#demo, ...this.#gateways])
    await stop(this.#workers)
    clearTimeout(this.#redisRestart)
    await this.#redis?.close({ deadlineMs: REDIS_STOP_MS })
  }

  #keepRedis(): void {
    const redis = this.#redis
    if (redis === undefined) return
    const backoff = new Backoff(Math.random)
    let startedAt = performance.now()
    const restart = async () => {
      startedAt = performance.now()
      try {
        await redis.start()
        this.#redisFigures = { ...this.#redisFigures, isReady: true }
        this.#options.say('Redis is back')
      } catch (error) {
        again((error as Error).message)
      }
    }
    const again = (how: string) => {
      if (this.#closing !== undefined) return
      const waitMs = backoff.next(performance.now() - startedAt)
      this.#options.say(`${how}; starting it again in ${(waitMs / 1_000).toFixed(1)} s`)
      this.#redisRestart = setTimeout(restart, waitMs)
    }
    redis.onEnd = ({ log }) => {
      this.#redisFigures = { ...this.#redisFigures, isReady: false, restarts: this.#redisFigures.restarts + 1 }
      again(log === '' ? 'Redis ended by itself' : `Redis ended by itself (${log})`)
    }
  }
}

/** Rejects when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
}

function numbered(name: string, count: number): string[] {
  return count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name} ${index + 1}`)
}

async function redisOf(redis: SupervisorOptions['redis'], stopped: AbortSignal) {
  if (redis.kind === 'external') return { private: undefined, url: redis.url }
  const opened = await PrivateRedis.open(redis.options, stopped)
  return { private: opened, url: opened.url }
}
