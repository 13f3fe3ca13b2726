import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readSettings } from '../../src/config/settings.ts'
import { findRedisBinary } from '../../src/supervisor/redis-binary.ts'

export interface TestRedis {
  readonly url: string
  readonly port: number
  readonly pid: number
  close(): Promise<void>
}

/**
 * A real redis-server on a free loopback port with its own temporary folder, AOF everysec, removed on close.
 *
 * @param options further ones of its command line, which win.
 */
export async function startTestRedis(options: readonly string[] = []): Promise<TestRedis> {
  const port = await freePort()
  const { command, environment } = await findRedisBinary(readSettings(), console.log)
  const dir = await mkdtemp(join(tmpdir(), 'tidegate-test-'))
  const child = spawn(
    command,
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'yes', ...options],
    { stdio: 'ignore', env: { ...process.env, ...environment } },
  )
  await untilListening(port)
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await new Promise((resolve) => child.once('exit', resolve))
      }
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilListening(port: number): Promise<void> {
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
