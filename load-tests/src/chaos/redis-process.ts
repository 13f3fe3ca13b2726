import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, untilReady } from '../../../server/src/bus/index.ts'
import { claimPort } from '../../../server/src/claim-port.ts'
import { readSettings } from '../../../server/src/config/settings.ts'
import { findRedisBinary } from '../../../server/src/supervisor/redis-binary.ts'
import { pingRedis } from '../../../server/src/supervisor/redis-ping.ts'

/** When Redis writes its append-only file through to the disk, or that it has none. */
export type Fsync = 'always' | 'everysec' | 'none'

const HOST = '127.0.0.1'
const START_DEADLINE_MS = 10_000
const POLL_MS = 5
const AOF_FOLDER = 'appendonlydir'

/**
 * A redis-server whose process belongs to the test, so that it can be killed, suspended, and started again on the same
 * data and port. Beside its port it listens on a unix socket, on which the test itself speaks to it.
 */
export class RedisProcess {
  readonly port: number
  readonly folder: string
  readonly #fsync: Fsync
  #child: ChildProcess | undefined
  readonly #onExit = () => this.#child?.kill('SIGKILL')

  private constructor(port: number, folder: string, fsync: Fsync) {
    this.port = port
    this.folder = folder
    this.#fsync = fsync
    process.once('exit', this.#onExit)
  }

  static async start(fsync: Fsync): Promise<RedisProcess> {
    const redis = new RedisProcess(await claimPort(HOST, 0), await mkdtemp(join(tmpdir(), 'tidegate-chaos-')), fsync)
    await redis.start()
    return redis
  }

  get url(): string {
    return `redis://${HOST}:${this.port}`
  }

  get pid(): number {
    return this.#child!.pid!
  }

  get #socketPath(): string {
    return join(this.folder, 'redis.sock')
  }

  /** Starts it on what its folder holds, and waits until it answers. */
  async start(): Promise<void> {
    const { command, environment } = await findRedisBinary(readSettings(), console.error)
    const settings = {
      port: `${this.port}`,
      bind: HOST,
      unixsocket: this.#socketPath,
      dir: this.folder,
      appendonly: this.#fsync === 'none' ? 'no' : 'yes',
      appendfsync: this.#fsync === 'none' ? 'no' : this.#fsync,
      save: '',
      'maxmemory-policy': 'noeviction',
      'repl-diskless-sync-delay': '0',
      loglevel: 'warning',
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    // A limit on the size of files is to fail the write, not to end the process.
    this.#child = spawn('/bin/sh', ['-c', `trap '' XFSZ; exec "$@"`, 'redis', command, ...args], {
      env: { ...environment },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    for (const deadline = Date.now() + START_DEADLINE_MS; (await pingRedis(this.#socketPath)) !== 'ready'; ) {
      if (Date.now() > deadline) throw new Error('redis-server did not start')
      await sleep(POLL_MS)
    }
  }

  suspend(): void {
    this.#child!.kill('SIGSTOP')
  }

  resume(): void {
    this.#child!.kill('SIGCONT')
  }

  /** Ends it and waits for the end. SIGTERM lets it write what it holds. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  /** Sends one command. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const redis = openCommandConnection(this.#socketPath, 'chaos')
    try {
      await untilReady(redis, START_DEADLINE_MS)
      return await redis.call(name, ...args)
    } finally {
      redis.disconnect()
    }
  }

  /** Waits until it answers, and does not only accept connections. */
  async untilAnswering(): Promise<void> {
    while ((await pingRedis(this.#socketPath)) !== 'ready') await sleep(POLL_MS)
  }

  /** Forgets everything. It MUST have ended. */
  async wipe(): Promise<void> {
    await rm(join(this.folder, AOF_FOLDER), { recursive: true, force: true })
  }

  /** Size of the file that writes are appended to, bytes. */
  async logBytes(): Promise<number> {
    return (await stat(await this.#logFile())).size
  }

  /** Takes the end off the file that writes are appended to. It MUST have ended. */
  async cutLog(bytes: number): Promise<void> {
    await truncate(await this.#logFile(), Math.max(0, (await this.logBytes()) - bytes))
  }

  async #logFile(): Promise<string> {
    const folder = join(this.folder, AOF_FOLDER)
    return join(folder, (await readdir(folder)).find((name) => name.endsWith('.incr.aof'))!)
  }

  async close(): Promise<void> {
    process.off('exit', this.#onExit)
    await this.end('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}
