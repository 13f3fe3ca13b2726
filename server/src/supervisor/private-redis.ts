import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { childEnvironment } from '../config/settings/settings.ts'
import { mendAof } from './aof-mend.ts'
import { dataFolder, diskFault, makeWritable } from './disk-fault.ts'
import { FolderLock } from './folder-lock.ts'
import type { RedisBinary } from './redis-binary.ts'
import { pingRedis } from './redis-ping.ts'

/**
 * Runs "$@" for as long as somebody holds the other end of standard input, then sends it SIGTERM. The kernel closes
 * that end however the holder dies, kill -9 included. Signals sent to `sh` are no substitute: nobody would send one
 * then. `read` needs its own subshell, because the main one waits for Redis, and file 3, because a shell gives its
 * background jobs /dev/null for standard input.
 */
const WHILE_HELD = `exec 3<&0
"$@" 3<&- &
redis=$!
(read -r _ <&3; kill -TERM $redis) 2>/dev/null &
holder=$!
wait $redis
status=$?
kill $holder 2>/dev/null
rm -rf "$TIDEGATE_SOCKET_FOLDER"
exit $status`

const APPEAR_DEADLINE_MS = 10_000
const POLL_MS = 20
const LOG_TAIL_CHARS = 2_000

export interface PrivateRedisOptions {
  readonly binary: RedisBinary
  /** Folder that the Redis owns: its log lies in `redis/`. Locked against a second Tidegate. */
  readonly dataFolder: string
  /** Lines for people. */
  readonly say?: (line: string) => void
}

/** A Redis that ended unasked. */
export interface RedisEnd {
  /** The end of its log since its start, possibly empty. */
  readonly log: string
}

/** Where in a data folder its Redis has its files. */
export function redisFolderOf(dataFolder: string): string {
  return join(dataFolder, 'redis')
}

/**
 * A Redis of our own on a unix socket that only this user can open: AOF every second, nothing evicted, no snapshots. It
 * ends with this process, however that ends.
 */
export class PrivateRedis {
  /** Called when it ended by itself. `start` restarts it on the same data and at the same address. */
  onEnd: (end: RedisEnd) => void = () => {}
  readonly #binary: RedisBinary
  readonly #folder: string
  readonly #say: (line: string) => void
  readonly #socketFolder: string
  readonly #lock: FolderLock
  #running: Running | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  private constructor(
    { binary, dataFolder, say = () => {} }: PrivateRedisOptions,
    socketFolder: string,
    lock: FolderLock,
  ) {
    this.#binary = binary
    this.#folder = redisFolderOf(dataFolder)
    this.#say = say
    this.#socketFolder = socketFolder
    this.#lock = lock
  }

  /** Locks the folder, starts a Redis in it and waits until it has read its log. @throws with what to do. */
  static async open(options: PrivateRedisOptions, stopped?: AbortSignal): Promise<PrivateRedis> {
    await makeWritable(dataFolder(options.dataFolder))
    const lock = await FolderLock.take(options.dataFolder, stopped)
    // Not in the data folder: socket paths are limited to about 100 bytes, and not every mounted folder can hold one.
    const redis = new PrivateRedis(options, await mkdtemp(join(tmpdir(), 'tidegate-')), lock)
    try {
      await redis.start(stopped)
      return redis
    } catch (error) {
      await redis.close({ deadlineMs: 0 })
      throw error
    }
  }

  /** For `REDIS_URL`: the path of the socket. */
  get url(): string {
    return join(this.#socketFolder, 'redis.sock')
  }

  /** Restarts it on the same folder, after it ended or was stopped. */
  start(stopped?: AbortSignal): Promise<void> {
    this.#starting = this.#start(stopped)
    return this.#starting
  }

  async #start(stopped: AbortSignal | undefined): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await mkdir(this.#socketFolder, { recursive: true, mode: 0o700 })
    const removedBytes = await mendAof(this.#folder)
    if (removedBytes > 0) {
      this.#say(`Redis had been killed while it wrote: removed ${removedBytes} bytes of a write that was not finished`)
    }
    stopped?.throwIfAborted()
    // From here on `stop` knows of it.
    if (this.#closing !== undefined) throw new Error('it is being stopped')
    const running = new Running(this.#binary, redisArguments(this.#folder, this.url), this.#socketFolder)
    this.#running = running
    await this.#lock.coverRedis(running.pid, this.url)
    await this.#untilReady(running, stopped)
    // Its usual start messages would bury the reason why it ends.
    running.log = ''
    void running.ended.then(() => {
      if (this.#running === running) this.onEnd({ log: running.log.trim() })
    })
  }

  /** SIGTERM, upon which Redis persists its data; kill -9 at the deadline. */
  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.stop(deadlineMs)
  }

  /** Stops it and releases the folder. Idempotent. */
  close(options: { readonly deadlineMs: number }): Promise<void> {
    this.#closing ??= this.stop(options).then(async () => {
      // A start under way would lock the folder again.
      await this.#starting?.catch(() => {})
      await rm(this.#socketFolder, { recursive: true, force: true })
      await this.#lock.release()
    })
    return this.#closing
  }

  async #untilReady(running: Running, stopped: AbortSignal | undefined): Promise<void> {
    const deadline = performance.now() + APPEAR_DEADLINE_MS
    for (;;) {
      stopped?.throwIfAborted()
      if (running.hasEnded) {
        const fault = diskFault(dataFolder(this.#folder), running.log)
        throw new Error(`${fault === undefined ? '' : `${fault}\n`}redis-server ended at its start:\n${running.log}`)
      }
      const answer = await pingRedis(this.url)
      if (answer === 'ready') return
      // Reading a large log may take any time; only a Redis that gives no answer at all is given up.
      if (answer === 'absent' && performance.now() > deadline) {
        throw new Error(`redis-server did not answer within ${APPEAR_DEADLINE_MS} ms:\n${running.log}`)
      }
      await sleep(POLL_MS)
    }
  }
}

/** One life of the process. */
class Running {
  readonly ended: Promise<void>
  hasEnded = false
  log = ''
  readonly #shell: ChildProcessWithoutNullStreams

  constructor({ command, environment }: RedisBinary, args: readonly string[], socketFolder: string) {
    // In a process group of its own: Ctrl-C in the terminal must not end Redis before the processes that still write to
    // it.
    this.#shell = spawn('/bin/sh', ['-c', WHILE_HELD, 'tidegate-redis', command, ...args], {
      detached: true,
      env: childEnvironment({ ...environment, TIDEGATE_SOCKET_FOLDER: socketFolder }),
    })
    this.#shell.stdin.on('error', () => {})
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.log = (this.log + text).slice(-LOG_TAIL_CHARS)
      })
    }
    // If the shell was killed, its Redis must not continue beside a second one.
    this.#shell.once('exit', () => this.#killGroup())
    this.ended = new Promise((resolve) => {
      this.#shell.once('close', () => {
        this.hasEnded = true
        resolve()
      })
    })
  }

  get pid(): number {
    return this.#shell.pid!
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#shell.stdin.end()
    const timer = setTimeout(() => this.#killGroup(), deadlineMs)
    await this.ended
    clearTimeout(timer)
  }

  #killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // Nobody is left in the group.
    }
  }
}

function redisArguments(folder: string, socketPath: string): string[] {
  const settings = {
    port: '0',
    unixsocket: socketPath,
    unixsocketperm: '700',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'everysec',
    // Redis would leave the beginning of a transaction in the file, and run it at the start after this one. aof-mend
    // removes it.
    'aof-load-truncated': 'no',
    // Evicting keys would lose events silently; a full Redis refuses instead.
    'maxmemory-policy': 'noeviction',
    // The append-only file is the data; snapshots beside it would only cost a fork.
    save: '',
    // A rewrite forks and copies everything, and for seconds acks take 100 ms on two cores. At the default 64 MiB a
    // busy log would be rewritten all the time. A gigabyte is read back in 1.5 s.
    'auto-aof-rewrite-min-size': '1gb',
    // In a packed hash each access looks at all before it: appends of 500 producers took 40 % longer in Redis, at most 30 KB are saved.
    'hash-max-listpack-entries': '64',
    // A backup need not wait for replicas that never come.
    'repl-diskless-sync-delay': '0',
    loglevel: 'warning',
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}
