import { rmSync } from 'node:fs'
import { cp, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { pingRedis } from '../../../server/src/supervisor/redis-ping.ts'
import { tearTransaction } from './append-only-file.ts'
import { fakeClock } from './fake-clock.ts'
import { runTidegate } from './processes.ts'
import { ForeignRedis, type Fsync, OwnRedis, type RedisServer } from './redis-server.ts'
import type { Target } from './tcp-proxy.ts'

export interface RedisOptions {
  readonly fsync: Fsync
  /** It is the private Redis of `tidegate start`, not an external one. */
  readonly isOwn?: boolean
  /** Its clock can be set: `setClock`. */
  readonly hasFakeClock?: boolean
}

const ANSWER_DEADLINE_MS = 10_000
const POLL_MS = 5
const AOF_FOLDER = 'appendonlydir'
const CLOCK_FILE = 'clock'

/** A Redis of the test, which can be killed, suspended, and started again on the same data and address. */
export class RedisProcess {
  readonly #folder: string
  readonly #options: RedisOptions
  readonly #server: RedisServer
  #pid: number | undefined
  readonly #onExit = () => {
    this.#signal('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  private constructor(folder: string, options: RedisOptions, server: RedisServer) {
    this.#folder = folder
    this.#options = options
    this.#server = server
    process.once('exit', this.#onExit)
  }

  static async start(options: RedisOptions): Promise<RedisProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-chaos-'))
    const redis = new RedisProcess(folder, options, await openServer(folder, options))
    await redis.start()
    return redis
  }

  get target(): Target {
    return this.#server.target
  }

  /** For the test itself: past every proxy. */
  get url(): string {
    return this.#server.socketPath
  }

  /** It MUST run. */
  get pid(): number {
    return this.#pid!
  }

  /** Starts it on what its folder holds, and waits until it answers. */
  async start(): Promise<void> {
    await this.#server.start()
    const { fsync, isOwn } = this.#options
    // The private one does so every second.
    if (isOwn && fsync === 'always') await this.command('CONFIG', 'SET', 'appendfsync', 'always')
    this.#pid = Number(/process_id:(\d+)/.exec(`${await this.command('INFO', 'server')}`)![1])
  }

  suspend(): void {
    this.#signal('SIGSTOP')
  }

  resume(): void {
    this.#signal('SIGCONT')
  }

  /** Ends it and waits for the end. SIGTERM lets it write what it holds. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#pid === undefined) return
    if (signal === 'SIGTERM') await this.#server.stop()
    else {
      const ended = this.#server.ended()
      this.#signal('SIGKILL')
      await ended
    }
    this.#pid = undefined
  }

  /** Sends one command. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const redis = openCommandConnection(this.url, 'chaos')
    try {
      await untilReady(redis, ANSWER_DEADLINE_MS)
      return await redis.call(name, ...args)
    } finally {
      redis.disconnect()
    }
  }

  /** Waits until it answers, and does not only accept connections. */
  async untilAnswering(): Promise<void> {
    while ((await pingRedis(this.url)) !== 'ready') await sleep(POLL_MS)
  }

  /** Writes its append-only file anew from what it holds, and waits for that. */
  async rewriteLog(): Promise<void> {
    await this.command('BGREWRITEAOF')
    while (/aof_rewrite_(in_progress|scheduled):1/.test(`${await this.command('INFO', 'persistence')}`)) {
      await sleep(POLL_MS)
    }
  }

  /** Sets its clock, counted from the true one. */
  async setClock(aheadMs: number): Promise<void> {
    await writeFile(join(this.#folder, CLOCK_FILE), clockText(aheadMs))
  }

  /** Forgets everything. It MUST have ended. */
  async wipe(): Promise<void> {
    await rm(this.#logFolder, { recursive: true, force: true })
  }

  /** Copies its append-only files to a folder that stays when it is closed. */
  async copyLogTo(folder: string): Promise<void> {
    await cp(this.#logFolder, folder, { recursive: true })
  }

  /**
   * Copies what it holds, as a backup of a running Redis does.
   *
   * @returns puts the copy in its place, when it has ended
   */
  async backUp(): Promise<() => Promise<void>> {
    const copy = join(this.#folder, 'backup')
    await cp(this.#logFolder, copy, { recursive: true })
    return async () => {
      await this.wipe()
      await cp(copy, this.#logFolder, { recursive: true })
    }
  }

  /**
   * The same by `tidegate backup` and `tidegate restore`, for the private one.
   *
   * @returns puts it in its place, when it has ended
   */
  async backUpByCommand(): Promise<() => Promise<void>> {
    const file = join(this.#folder, 'backup.rdb')
    const data = ['--data', this.#folder]
    await runTidegate(['backup', file, ...data])
    return async () => {
      // Its folder is locked as long as it may be started again.
      await this.#server.close()
      await runTidegate(['restore', file, ...data, '--force'])
    }
  }

  /** Size of the file that writes are appended to, bytes. */
  async logBytes(): Promise<number> {
    return (await stat(await this.#logFile())).size
  }

  /** Takes the end off the file that writes are appended to. It MUST have ended. */
  async cutLog(bytes: number): Promise<void> {
    await this.cutLogTo((await this.logBytes()) - bytes)
  }

  /** Truncates the append-only file to this many bytes. The Redis MUST have ended. */
  async cutLogTo(bytes: number): Promise<void> {
    await truncate(await this.#logFile(), Math.max(0, bytes))
  }

  /**
   * Cuts the file within a transaction that begins there or later. It MUST have ended.
   *
   * @returns whether there was one
   */
  async tearLog(from: number): Promise<boolean> {
    return tearTransaction(await this.#logFile(), from)
  }

  async close(): Promise<void> {
    process.off('exit', this.#onExit)
    await this.end('SIGKILL')
    await this.#server.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #logFolder(): string {
    return join(this.#server.dataFolder, AOF_FOLDER)
  }

  async #logFile(): Promise<string> {
    const names = (await readdir(this.#logFolder)).filter((name) => name.endsWith('.incr.aof'))
    // A rewrite leaves the one before it for a moment.
    const sequence = (name: string) => Number(name.split('.').at(-3))
    return join(this.#logFolder, names.sort((a, b) => sequence(a) - sequence(b)).at(-1)!)
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid !== undefined) process.kill(this.#pid, signal)
  }
}

async function openServer(folder: string, { fsync, isOwn, hasFakeClock }: RedisOptions): Promise<RedisServer> {
  if (isOwn) return new OwnRedis(folder)
  if (!hasFakeClock) return ForeignRedis.open(folder, fsync, {})
  const file = join(folder, CLOCK_FILE)
  await writeFile(file, clockText(0))
  return ForeignRedis.open(folder, fsync, await fakeClock(file))
}

/** As libfaketime reads it: seconds, with a sign. */
const clockText = (aheadMs: number) => `${aheadMs < 0 ? '-' : '+'}${Math.abs(aheadMs) / 1_000}`
