import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openTopology } from '../../src/bus/contract/topology.ts'
import { openSnapshots } from '../../src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { PrivateRedis } from '../../src/supervisor/private-redis.ts'
import { findRedisBinary } from '../../src/supervisor/redis-binary.ts'
import { runCommand } from '../support/command-line.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITIONS = 2
const META = '{tg:0}:meta'
/** Redis compresses it by a quarter at most. */
const LARGE = randomBytes(225_000).toString('base64')
const { server, redis } = await useRedis({ options: ['--repl-diskless-sync-delay', '0'] })
const target = await useRedis()
const binary = await findRedisBinary(readSettings(), () => {})
const folder = await mkdtemp(join(tmpdir(), 'tidegate-backup-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const file = join(folder, 'backup.rdb')

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
beforeEach(async () => {
  vi.stubEnv('REDIS_URL', server.url)
  await openTopology(() => redis, PARTITIONS)
  await redis.set('{tg:0}:large', LARGE)
  await redis.set('tg:short', 'lived', 'EX', 1_000)
  await redis.xadd('{tg:1}:log:a', '5-1', 'e', 'x')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true })
})

/** What a Redis that starts on a data folder holds. */
async function inFolder<T>(dataFolder: string, look: (redis: Redis) => Promise<T>): Promise<T> {
  const started = await PrivateRedis.open({ binary, dataFolder })
  const connection = openCommandConnection(started.url, 'test')
  try {
    await untilReady(connection, 5_000)
    return await look(connection)
  } finally {
    connection.disconnect()
    await started.close({ deadlineMs: 5_000 })
  }
}

const content = async (from: Redis) => ({
  isLarge: (await from.get('{tg:0}:large')) === LARGE,
  ttl: (await from.ttl('tg:short')) > 900,
  log: await from.xrange('{tg:1}:log:a', '-', '+'),
  partitions: await from.hget('tg:cluster', 'partitions'),
})
const WHOLE = { isLarge: true, ttl: true, log: [['5-1', ['e', 'x']]], partitions: `${PARTITIONS}` }

/** Passes on so many bytes of each answer of Redis, and then does something. */
async function proxy(bytes: number, then: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const listener = createServer((client) => {
    const upstream = createConnection(server.port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    client.pipe(upstream)
    let passed = 0
    upstream.on('data', (piece: Buffer) => {
      if (passed < bytes) client.write(piece.subarray(0, bytes - passed))
      passed += piece.length
      if (passed >= bytes) then(client)
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return `redis://127.0.0.1:${(listener.address() as { port: number }).port}`
}

describe('tidegate backup', () => {
  it.each(['yes', 'no'])('X-BACKUP-1 writes what Redis holds into one file (diskless: %s)', async (diskless) => {
    await redis.config('SET', 'repl-diskless-sync', diskless)
    const { code, out, err } = await runCommand('backup', file, '--json')
    expect([code, err]).toEqual([0, ''])
    const { size, mode } = await stat(file)
    expect(JSON.parse(out)).toEqual({ file, bytes: size, ms: expect.any(Number), partitions: PARTITIONS })
    expect(mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['backup.rdb'])
    // It stays no replica, for which Redis would keep what is written.
    await expect.poll(() => redis.info('replication')).toMatch(/connected_slaves:0/)
  })

  it('X-BACKUP-2 replaces a file with --force alone', async () => {
    await writeFile(file, 'mine')
    expect(await runCommand('backup', file)).toMatchObject({ code: 1, err: expect.stringMatching(/exists; .*--force/) })
    expect(await readFile(file, 'utf8')).toBe('mine')
    expect(await runCommand('backup', file, '--force')).toMatchObject({ code: 0 })
    expect((await stat(file)).size).toBeGreaterThan(1_000)
  })

  it('X-BACKUP-3 a transfer that is cut leaves nothing, and the file of before', async () => {
    vi.stubEnv('REDIS_URL', await proxy(9_000, (socket) => socket.destroy()))
    await writeFile(file, 'mine')
    const { code, err } = await runCommand('backup', file, '--force')
    expect([code, err]).toEqual([1, expect.stringMatching(/closed the connection before all was sent|ECONNRESET/)])
    expect(await readdir(folder)).toEqual(['backup.rdb'])
    expect(await readFile(file, 'utf8')).toBe('mine')
  })

  it('X-BACKUP-3 one that takes longer than --within is given up', async () => {
    vi.stubEnv('REDIS_URL', await proxy(9_000, () => {}))
    expect(await runCommand('backup', file, '--within', '1')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not done within 1 s/),
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('X-BACKUP-3 Ctrl-C leaves nothing', async () => {
    vi.stubEnv('REDIS_URL', await proxy(9_000, () => setTimeout(() => process.emit('SIGINT'), 50)))
    expect(await runCommand('backup', file)).toMatchObject({ code: 130, out: '' })
    expect(await readdir(folder)).toEqual([])
  })

  it('B-SNAPSHOT-3 a Redis that sends nothing is given up', async () => {
    const url = await proxy(9_000, () => {})
    const options = { url, waitMs: 1_000, silenceMs: 150, stopped: new AbortController().signal }
    const read = async () => {
      for await (const _ of (await openSnapshots(options)).each[0]!.pieces);
    }
    await expect(read()).rejects.toThrow(/Redis sent nothing for 0.15 s/)
  })

  it('X-BACKUP-4 a Redis without data of Tidegate is refused, and so are places that are not there, and arguments that nobody understands', async () => {
    await redis.flushall()
    expect(await runCommand('backup', file)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no data of Tidegate/),
    })
    expect(await runCommand('backup', join(folder, 'none', 'b.rdb'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/there is no folder .*none: make it, or name another file/),
    })
    expect(await runCommand('restore', join(folder, 'none.rdb'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/there is no file .*none\.rdb$/m),
    })
    for (const args of [[], [file, file], [file, '--within', '0'], [file, '--within', '1.5']]) {
      expect(await runCommand('backup', ...args)).toMatchObject({ code: 2 })
    }
    expect(await readdir(folder)).toEqual([])
  })
})

describe('tidegate restore', () => {
  const data = join(folder, 'data')
  const restore = (...args: string[]) => runCommand('restore', file, ...args)
  beforeEach(async () => {
    expect(await runCommand('backup', file)).toMatchObject({ code: 0 })
  })

  it('X-RESTORE-1 B-LINEAGE-9 makes a folder that Redis starts from, with another epoch in each partition', async () => {
    const { code, out } = await restore('--data', data, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ into: data, partitions: PARTITIONS, keys: await redis.dbsize() })
    expect((await readdir(data)).sort()).toEqual(['redis'])
    const before = await redis.hget(META, 'epoch')
    await inFolder(data, async (restored) => {
      expect(await content(restored)).toEqual(WHOLE)
      expect(await restored.hget(META, 'epoch')).not.toBe(before)
      expect(await restored.hget(META, 'lineage')).toBe(await redis.hget(META, 'lineage'))
      await restored.set('tg:later', '1')
    })
    // What is written afterwards is there at the next start.
    expect(await inFolder(data, (restored) => restored.get('tg:later'))).toBe('1')
  })

  it('X-RESTORE-2 a folder with data is refused, or its data kept beside', async () => {
    await restore('--data', data)
    await inFolder(data, (restored) => restored.set('tg:mine', '1'))
    expect(await restore('--data', data)).toMatchObject({ code: 1, err: expect.stringMatching(/has data\..*--force/) })
    const { code, out } = await restore('--data', data, '--force', '--json')
    expect(code).toBe(0)
    const { kept } = JSON.parse(out) as { kept: string }
    expect(await readdir(kept)).toContain('appendonlydir')
    expect(await inFolder(data, (restored) => restored.get('tg:mine'))).toBeNull()
  })

  it('X-RESTORE-2 a folder whose Redis runs is refused, even with --force', async () => {
    await restore('--data', data)
    await inFolder(data, async (restored) => {
      expect(await restore('--data', data, '--force')).toMatchObject({ code: 1, err: expect.stringMatching(/in use/) })
      expect(await content(restored)).toEqual(WHOLE)
    })
  })

  it.each([
    ['damaged', (whole: Buffer) => whole.fill('?', 1_000, 1_010), /cannot read the backup/],
    ['cut', (whole: Buffer) => whole.subarray(0, -100_000), /not a whole backup|cannot read the backup/],
    ['something else', () => Buffer.from('hello, this is no backup'), /is no backup/],
    ['empty', () => Buffer.alloc(0), /is no backup/],
  ])('X-RESTORE-3 a file that is %s is refused, and the folder stays as it was', async (_, spoil, why) => {
    await writeFile(file, spoil(await readFile(file)))
    expect(await restore('--data', data)).toMatchObject({ code: 1, err: expect.stringMatching(why) })
    expect(await readdir(data).catch(() => [])).toEqual([])
  })

  it('X-RESTORE-4 data in another database is found; of several one is chosen', async () => {
    await redis.swapdb(0, 3)
    await runCommand('backup', file, '--force')
    // REDIS_URL names no database: nothing of Tidegate is in 0.
    vi.stubEnv('REDIS_URL', `${server.url}/3`)
    expect(await runCommand('backup', file, '--force')).toMatchObject({ code: 0 })
    expect(await restore('--data', data)).toMatchObject({ code: 0 })
    expect(await inFolder(data, content)).toEqual(WHOLE)
    await openTopology(() => redis, 4)
    await runCommand('backup', file, '--force')
    expect(await restore('--data', data, '--force')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/databases 0, 3/),
    })
    expect(await restore('--data', data, '--force', '--database', '3')).toMatchObject({ code: 0 })
    expect(await inFolder(data, content)).toEqual(WHOLE)
  })

  it('X-RESTORE-5 copies the keys of Tidegate into a Redis that has none, and no others', async () => {
    await redis.set('of-others', '1')
    for (let i = 0; i < 600; i++) await redis.set(`{tg:1}:small-${i}`, `${i}`)
    await runCommand('backup', file, '--force')
    await target.redis.set('mine', '1')
    vi.stubEnv('REDIS_URL', target.server.url)
    const { code, out } = await restore('--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ into: 'REDIS_URL', partitions: PARTITIONS })
    expect(await content(target.redis)).toEqual(WHOLE)
    expect(await target.redis.get('{tg:1}:small-599')).toBe('599')
    expect((await target.redis.keys('*')).sort()).toEqual([...(await redis.keys('*tg:*')), 'mine'].sort())
    expect(await target.redis.hget(META, 'epoch')).not.toBe(await redis.hget(META, 'epoch'))
    expect(await restore()).toMatchObject({ code: 1, err: expect.stringMatching(/has data of Tidegate already/) })
    expect(await restore('--force')).toMatchObject({ code: 2 })
  })

  it('X-RESTORE-5 a copy that fails leaves nothing behind', async () => {
    vi.stubEnv('REDIS_URL', target.server.url)
    const used = Number(/used_memory:(\d+)/.exec(await target.redis.info('memory'))![1])
    await target.redis.config('SET', 'maxmemory', used + 100_000)
    cleanups.push(() => target.redis.config('SET', 'maxmemory', 0))
    expect(await restore()).toMatchObject({ code: 1, err: expect.stringMatching(/OOM/) })
    expect(await target.redis.dbsize()).toBe(0)
  })
})
