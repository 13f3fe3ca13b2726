import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { findRedisBinary, type RedisBinary } from '../../src/supervisor/redis-binary.ts'

/** For what syncs its configuration to disk while everything waits: a disk may take seconds for it. */
export const MEMORY_FOLDERS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

let found: Promise<RedisBinary> | undefined
/** The same for every test of this process. */
export function redisBinary(): Promise<RedisBinary> {
  found ??= findRedisBinary(readSettings(), console.log)
  return found
}

export interface TestRedis {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Bytes of the append-only file, once everything that was answered is in it: a slow fsync keeps it waiting. */
  logBytes(): Promise<number>
  /** Ends with SIGKILL and starts again, with only so many bytes of the append-only file if that is said. */
  restart(options?: { readonly logBytes?: number }): Promise<void>
  close(): Promise<void>
}

/**
 * A real redis-server on a free loopback port with its own temporary folder, AOF everysec, removed on close.
 *
 * @param options further ones of its command line, which win.
 */
export async function startTestRedis(options: readonly string[] = []): Promise<TestRedis> {
  const port = await freePort()
  const { command, environment } = await redisBinary()
  const dir = await mkdtemp(join(tmpdir(), 'tidegate-test-'))
  const server = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes']
  const logFile = join(dir, 'appendonlydir', 'appendonly.aof.1.incr.aof')
  const start = async () => {
    const started = spawn(command, [...server, ...options], {
      stdio: 'ignore',
      env: { ...process.env, ...environment },
    })
    endWithThisProcess(started)
    await untilListening(port)
    return started
  }
  let child = await start()
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid!
    },
    async logBytes() {
      while (!/aof_buffer_length:0\r/.test(await info(port))) await sleep(10)
      return (await stat(logFile)).size
    },
    async restart({ logBytes } = {}) {
      await kill()
      if (logBytes !== undefined) await truncate(logFile, logBytes)
      child = await start()
    },
    async close() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/**
 * Hooks do not run in a file whose tests are all filtered out, and a killed test runs none either. A shell waits for the end of a
 * pipe that only this process holds.
 */
export function endWithThisProcess(redis: ChildProcess): void {
  const watcher = spawn('sh', ['-c', 'read -r _; kill -9 "$0"', `${redis.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Before its number can be another process'.
  redis.once('exit', () => watcher.kill('SIGKILL'))
}

/** Sends one command over a connection of its own: to a replica, too. */
export async function command(url: string, name: string, ...args: readonly string[]): Promise<unknown> {
  const redis = openCommandConnection(url, 'test')
  try {
    await untilReady(redis, 1_000)
    return await redis.call(name, ...args)
  } finally {
    redis.disconnect()
  }
}

/** What Redis says of its persistence. */
async function info(port: number): Promise<string> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  socket.write('INFO persistence\r\n')
  const [reply] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return reply.toString()
}

/** The system may give a port again that nobody listens at yet. */
const givenPorts = new Set<number>()

/** A port that is free, and was given to nobody else in this process. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  if (givenPorts.has(port)) return freePort()
  givenPorts.add(port)
  return port
}

export async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port, host: '127.0.0.1' })
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (connected) return
    await sleep(25)
  }
  throw new Error(`redis-server did not listen on port ${port}`)
}
