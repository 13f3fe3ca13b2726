import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { PrivateRedis } from '../../src/supervisor/private-redis.ts'
import { findRedisBinary, type RedisBinary } from '../../src/supervisor/redis-binary.ts'
import { pingRedis } from '../../src/supervisor/redis-ping.ts'
import { processesLike, until } from '../support/tidegate-process.ts'

const HOLD_REDIS = fileURLToPath(new URL('./fixtures/hold-redis.ts', import.meta.url))
const LOADING_REDIS = fileURLToPath(new URL('./fixtures/loading-redis.js', import.meta.url))
const STOP = { deadlineMs: 5_000 }

let binary: RedisBinary
let dataFolder: string
/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  binary = await findRedisBinary(readSettings(), () => {})
})
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'tidegate-redis-'))
  cleanups.push(() => rm(dataFolder, { recursive: true }))
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function open(): Promise<PrivateRedis> {
  const redis = await PrivateRedis.open({ binary, dataFolder })
  cleanups.push(() => redis.close(STOP))
  return redis
}

async function connect(url: string): Promise<Redis> {
  const connection = openCommandConnection(url, 'test')
  cleanups.push(() => connection.disconnect())
  await untilReady(connection, 5_000)
  return connection
}

/** The title that Redis gives itself names the socket. */
const serversAt = (url: string) => processesLike(new RegExp(`^\\S*(redis|valkey)-server unixsocket:${url}`))

describe('private Redis', () => {
  test('S-REDIS-2 open - only this user can connect, over the socket alone; every second, nothing evicted', async () => {
    const { url } = await open()
    expect((await stat(url)).mode & 0o777).toBe(0o700)
    expect((await stat(dirname(url))).mode & 0o777).toBe(0o700)
    const settings = ['port', 'appendonly', 'appendfsync', 'maxmemory-policy', 'save', 'hash-max-listpack-entries']
    const connection = await connect(url)
    const values = await Promise.all(
      settings.map(async (name) => ((await connection.config('GET', name)) as string[])[1]),
    )
    expect(values).toEqual(['0', 'yes', 'everysec', 'noeviction', '', '64'])
  })

  test('S-REDIS-1 kill -9 of the parent - Redis is gone within 1 s, and what it held is there afterwards', async () => {
    const parent = fork(HOLD_REDIS, [dataFolder], { execArgv: ['--import', 'tsx'] })
    const [url] = (await once(parent, 'message')) as [string]
    const connection = await connect(url)
    await connection.set('held', 'yes')
    connection.disconnect()
    expect(serversAt(url)).toHaveLength(1)

    const killedAt = performance.now()
    parent.kill('SIGKILL')
    await until(() => serversAt(url).length === 0, 'Redis is gone')
    expect(performance.now() - killedAt).toBeLessThan(1_000)
    await until(() => !existsSync(dirname(url)), 'the socket is removed')

    const next = await open()
    expect(await (await connect(next.url)).get('held')).toBe('yes')
  })

  test('S-REDIS-3 open - waits out a Redis that reads its log', async () => {
    const redis = await PrivateRedis.open({ binary: { command: LOADING_REDIS, environment: {} }, dataFolder })
    cleanups.push(() => redis.close(STOP))
    expect(await pingRedis(redis.url)).toBe('ready')
  })

  test('open - a Redis that ends at once is reported with what it said, and frees the folder', async () => {
    const failing = { command: '/bin/sh', environment: {} }
    await expect(PrivateRedis.open({ binary: failing, dataFolder })).rejects.toThrow('redis-server ended at its start')
    await open()
  })

  test('S-REDIS-4 start - brings one that was killed back at the same address with its data', async () => {
    const redis = await open()
    const connection = await connect(redis.url)
    await connection.set('held', 'yes')
    const ended = new Promise((resolve) => {
      redis.onEnd = resolve
    })
    process.kill(serversAt(redis.url)[0]!, 'SIGTERM')
    await ended
    await redis.start()
    expect(await (await connect(redis.url)).get('held')).toBe('yes')
  })

  test('S-REDIS-4 start - a shell that is killed alone leaves no second Redis on the folder', async () => {
    const redis = await open()
    const ended = new Promise((resolve) => {
      redis.onEnd = resolve
    })
    const shell = processesLike(new RegExp(`^/bin/sh -c .*${redis.url}`))
    process.kill(Math.min(...shell), 'SIGKILL')
    await ended
    expect(serversAt(redis.url)).toEqual([])
    await redis.start()
    expect(serversAt(redis.url)).toHaveLength(1)
  })

  test('close - is idempotent, leaves no process and no socket behind', async () => {
    const redis = await open()
    const { url } = redis
    await Promise.all([redis.close(STOP), redis.close(STOP)])
    expect(serversAt(url)).toEqual([])
    expect(existsSync(dirname(url))).toBe(false)
  })
})
