import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  command,
  endWithThisProcess,
  freePort,
  MEMORY_FOLDERS,
  redisBinary,
  startTestRedis,
  type TestRedis,
  untilListening,
} from './redis.ts'

const NAME = 'main'
const SENTINELS = 3
/** A Sentinel that was held up for two seconds does nothing for the next thirty. */
const READY_MS = 45_000
const POLL_MS = 20

export interface SentinelGroupOptions {
  readonly replicas: number
  /** After so much silence of the master a Sentinel holds it to be down, ms. */
  readonly downAfterMs: number
  /** Sentinels tell each other of failovers, and look for what a Redis has become, more often than outside of tests. */
  readonly isHurried?: boolean
}

/** A master, its replicas, and three Sentinels that watch them: real processes on loopback ports. */
export class SentinelGroup {
  readonly nodes: readonly TestRedis[]
  readonly sentinels: readonly SentinelProcess[]

  private constructor(nodes: readonly TestRedis[], sentinels: readonly SentinelProcess[]) {
    this.nodes = nodes
    this.sentinels = sentinels
  }

  static async start({ replicas, downAfterMs, isHurried }: SentinelGroupOptions): Promise<SentinelGroup> {
    // A master waits five seconds for more replicas before it sends what it holds.
    const usual = ['--repl-diskless-sync-delay', '0']
    const master = await startTestRedis(usual)
    const followers = Array.from({ length: replicas }, () =>
      startTestRedis([...usual, '--replicaof', '127.0.0.1', `${master.port}`]),
    )
    const nodes = [master, ...(await Promise.all(followers))]
    // A Sentinel asks a master for its replicas at once, and then not for ten seconds.
    await eventually(async () => online(await replication(master)) === replicas)
    // A failed election is held again after twice the timeout of a failover.
    const lines = [
      `sentinel monitor ${NAME} 127.0.0.1 ${master.port} 2`,
      `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
      `sentinel failover-timeout ${NAME} 2000`,
    ]
    const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => SentinelProcess.start(lines)))
    if (isHurried) await Promise.all(sentinels.map((sentinel) => sentinel.hurry()))
    const group = new SentinelGroup(nodes, sentinels)
    await eventually(async () => (await Promise.all(sentinels.map((one) => one.knows(replicas)))).every(Boolean))
    return group
  }

  /** For `REDIS_URL`. */
  get url(): string {
    return this.urlOf()
  }

  /** @param login `user:password@` @param tail behind the name */
  urlOf({ login = '', tail = '' } = {}): string {
    return `redis+sentinel://${login}${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}${tail}`
  }

  /** The Redis that most Sentinels name as master. */
  async master(): Promise<TestRedis> {
    const named = await Promise.all(this.sentinels.map((sentinel) => sentinel.masterPort().catch(() => 0)))
    const most = this.nodes.find(({ port }) => named.filter((one) => one === port).length > SENTINELS / 2)
    return most ?? this.nodes[0]!
  }

  /** Waits until the Sentinels name another master than this one, and it says that it is one. */
  async failedOver(before: TestRedis): Promise<TestRedis> {
    let now = before
    await eventually(async () => {
      now = await this.master()
      return now !== before && (await replication(now)).includes('role:master')
    })
    return now
  }

  /**
   * Waits until the Sentinels agree on a master that all others follow: now another failover can begin, and loses nothing.
   *
   * It may be another one than that of the last failover. For five seconds after it a Sentinel counts what the others said of the
   * master before: the first that misses one answer of the new master replaces it.
   */
  async followed(): Promise<TestRedis> {
    let now = this.nodes[0]!
    await eventually(async () => {
      const named = await Promise.all(this.sentinels.map((sentinel) => sentinel.masterPort()))
      now = await this.master()
      return named.every((port) => port === now.port) && online(await replication(now)) === this.nodes.length - 1
    })
    return now
  }

  /** A failover by hand. It is refused while another one is being finished, and given up when a replica takes too long. */
  async promote(): Promise<void> {
    const [sentinel] = this.sentinels
    const before = await sentinel!.masterPort()
    await eventually(async () => {
      if ((await sentinel!.masterPort()) !== before) return true
      await sentinel!.command('SENTINEL', 'FAILOVER', NAME)
      return false
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.nodes].map((one) => one.close()))
  }
}

/** One redis-server as Sentinel. */
export class SentinelProcess {
  readonly port: number
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(port: number, folder: string) {
    this.port = port
    this.#folder = folder
  }

  static async start(lines: readonly string[]): Promise<SentinelProcess> {
    const sentinel = new SentinelProcess(await freePort(), await mkdtemp(join(MEMORY_FOLDERS, 'tidegate-sentinel-')))
    const own = [`port ${sentinel.port}`, 'bind 127.0.0.1', `dir ${sentinel.#folder}`]
    await writeFile(sentinel.#file, [...own, ...lines, ''].join('\n'))
    await sentinel.run()
    return sentinel
  }

  /** Starts it on the configuration that it wrote last. */
  async run(): Promise<void> {
    const { command: file, environment } = await redisBinary()
    const env = { ...process.env, ...environment }
    this.#child = spawn(file, [this.#file, '--sentinel'], { stdio: 'ignore', env })
    endWithThisProcess(this.#child)
    await untilListening(this.port)
  }

  /**
   * Instead of every two and every ten seconds, until it ends. No quicker: after four periods of publishing a Sentinel that has not
   * heard of a promotion yet makes the promoted one a replica again, and who promotes looks at it once a second.
   */
  async hurry(): Promise<void> {
    await this.command('SENTINEL', 'DEBUG', 'publish-period', '300', 'info-period', '500')
  }

  command(name: string, ...args: readonly string[]): Promise<unknown> {
    return command(`redis://127.0.0.1:${this.port}`, name, ...args)
  }

  async masterPort(): Promise<number> {
    const address = (await this.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as readonly [string, string]
    return Number(address[1])
  }

  async knows(replicas: number): Promise<boolean> {
    const fields = (await this.command('SENTINEL', 'MASTER', NAME)) as readonly string[]
    const field = (name: string) => Number(fields[fields.indexOf(name) + 1])
    return field('num-slaves') === replicas && field('num-other-sentinels') === SENTINELS - 1
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal)
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async close(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #file(): string {
    return join(this.#folder, 'sentinel.conf')
  }
}

const replication = async ({ url }: TestRedis) => String(await command(url, 'INFO', 'replication'))

/** Replicas that have got all that the master held. */
const online = (info: string) => info.split('state=online').length - 1

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + READY_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    if (await isSo().catch(() => false)) return
  }
  throw new Error(`a group of Sentinels was not ready in ${READY_MS} ms`)
}
