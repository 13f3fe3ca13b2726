import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimPort } from '../../../server/src/claim-port.ts'
import { readSettings } from '../../../server/src/config/settings/settings.ts'
import { PrivateRedis } from '../../../server/src/supervisor/private-redis.ts'
import { findRedisBinary, type RedisBinary } from '../../../server/src/supervisor/redis-binary.ts'
import { pingRedis } from '../../../server/src/supervisor/redis-ping.ts'
import type { Target } from './tcp-proxy.ts'

/** When Redis writes its append-only file through to the disk, or that it has none. */
export type Fsync = 'always' | 'everysec' | 'none'

/** How a redis-server is started on a folder. */
export interface RedisServer {
  /** Its address for clients. */
  readonly target: Target
  /** A unix socket of it, for the test itself. */
  readonly socketPath: string
  /** Its data folder. */
  readonly dataFolder: string
  /** Starts it on its data, and waits until it answers. */
  start(): Promise<void>
  /** SIGTERM, upon which it writes what it holds, and waits for the end. */
  stop(): Promise<void>
  /** Waits for the end, however it comes. It MUST run. */
  ended(): Promise<void>
  /** Gives back what is held for it, until it is started again. It MUST have ended. */
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const START_DEADLINE_MS = 10_000
const STOP_DEADLINE_MS = 10_000
const POLL_MS = 5

let binary: Promise<RedisBinary> | undefined
function findBinary(): Promise<RedisBinary> {
  binary ??= findRedisBinary(readSettings(), console.error)
  return binary
}

/** An external Redis on a port: the one `REDIS_URL` names. */
export class ForeignRedis implements RedisServer {
  readonly target: number
  readonly dataFolder: string
  readonly #fsync: Fsync
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess | undefined

  private constructor(port: number, folder: string, fsync: Fsync, env: Readonly<Record<string, string>>) {
    this.target = port
    this.dataFolder = folder
    this.#fsync = fsync
    this.#env = env
  }

  /** @param env more variables for its process */
  static async open(folder: string, fsync: Fsync, env: Readonly<Record<string, string>>): Promise<ForeignRedis> {
    return new ForeignRedis(await claimPort(HOST, 0), folder, fsync, env)
  }

  get socketPath(): string {
    return join(this.dataFolder, 'redis.sock')
  }

  async start(): Promise<void> {
    const { command, environment } = await findBinary()
    const settings = {
      port: `${this.target}`,
      bind: HOST,
      unixsocket: this.socketPath,
      dir: this.dataFolder,
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
      env: { ...environment, ...this.#env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    for (const deadline = performance.now() + START_DEADLINE_MS; (await pingRedis(this.socketPath)) !== 'ready'; ) {
      if (performance.now() > deadline) throw new Error('redis-server did not start')
      await sleep(POLL_MS)
    }
  }

  async stop(): Promise<void> {
    const ended = this.ended()
    this.#child!.kill('SIGTERM')
    await ended
  }

  async ended(): Promise<void> {
    await once(this.#child!, 'exit')
  }

  async close(): Promise<void> {}
}

/** The one of `tidegate start`, run by the code that runs it there, with whatever that does at a start. */
export class OwnRedis implements RedisServer {
  readonly dataFolder: string
  readonly #folder: string
  #redis: PrivateRedis | undefined
  #ended: Promise<void> = Promise.resolve()

  constructor(folder: string) {
    this.#folder = folder
    this.dataFolder = join(folder, 'redis')
  }

  get target(): string {
    return this.socketPath
  }

  get socketPath(): string {
    return this.#redis!.url
  }

  async start(): Promise<void> {
    if (this.#redis === undefined) {
      this.#redis = await PrivateRedis.open({ binary: await findBinary(), dataFolder: this.#folder })
    } else await this.#redis.start()
    this.#ended = new Promise((resolve) => {
      this.#redis!.onEnd = () => resolve()
    })
  }

  stop(): Promise<void> {
    return this.#redis!.stop({ deadlineMs: STOP_DEADLINE_MS })
  }

  ended(): Promise<void> {
    return this.#ended
  }

  async close(): Promise<void> {
    await this.#redis?.close({ deadlineMs: 0 })
    this.#redis = undefined
  }
}
