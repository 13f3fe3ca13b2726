import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { mendAof } from '../../src/supervisor/aof-mend.ts'
import { AofScan } from '../../src/supervisor/aof-scan.ts'
import { PrivateRedis } from '../../src/supervisor/private-redis.ts'
import { findRedisBinary, type RedisBinary } from '../../src/supervisor/redis-binary.ts'
import { startTestRedis } from '../support/redis.ts'

const command = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
const MULTI = command('MULTI')
const EXEC = command('EXEC')
const SELECT = command('SELECT', '0')
const LARGE = 'x'.repeat(3_000)

let binary: RedisBinary
let dataFolder: string
let said: string[]

beforeAll(async () => {
  binary = await findRedisBinary(readSettings(), () => {})
})
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'tidegate-aof-'))
  said = []
})
afterEach(() => rm(dataFolder, { recursive: true }))

const redisFolder = () => join(dataFolder, 'redis')

async function logFile(): Promise<string> {
  const folder = join(redisFolder(), 'appendonlydir')
  return join(folder, (await readdir(folder)).find((name) => name.endsWith('.incr.aof'))!)
}

/** One life of a Redis on the folder: runs the commands, and ends in order. Ours, or a bare one as anybody runs it. */
async function live<T>(use: (send: (...words: string[]) => Promise<unknown>) => Promise<T>, bare = false): Promise<T> {
  const redis = bare
    ? await startTestRedis(['--dir', redisFolder()])
    : await PrivateRedis.open({ binary, dataFolder, say: (line) => said.push(line) })
  const connection = openCommandConnection(redis.url, 'test')
  try {
    await untilReady(connection, 5_000)
    return await use((name, ...words) => connection.call(name!, ...words))
  } finally {
    await connection.quit()
    await redis.close({ deadlineMs: 5_000 })
  }
}

const set = (send: (...words: string[]) => Promise<unknown>, script: string) => send('EVAL', script, '0')
const TWO_WRITES = "redis.call('INCR', 'commits') redis.call('INCR', 'outputs')"

describe('Redis alone', () => {
  test('a transaction cut within a command - runs at the second start, which is why it is mended', async () => {
    await mkdir(redisFolder())
    await live((send) => send('SET', 'base', '1'), true)
    await appendFile(await logFile(), MULTI + command('INCR', 'torn') + command('INCR', 'torn').slice(0, 9))
    expect(await live((send) => send('GET', 'torn').finally(() => set(send, TWO_WRITES)), true)).toBeNull()
    expect(await live((send) => send('GET', 'torn'), true)).toBe('1')
  })
})

describe('private Redis', () => {
  test.each([
    ['the name of MULTI', MULTI.length - 3],
    ['MULTI', MULTI.length],
    ['a command', MULTI.length + 10],
    ['the first of two commands', MULTI.length + command('INCR', 'torn').length],
    ['a large value', MULTI.length + command('INCR', 'torn').length + 2_000],
    ['EXEC', -3],
  ])('S-REDIS-6 a transaction cut behind or within %s - is not run by any later start', async (_, cutAt) => {
    await live((send) => send('SET', 'base', '1'))
    const whole = await stat(await logFile())
    const torn = MULTI + command('INCR', 'torn') + command('SET', 'large', LARGE) + EXEC
    await appendFile(await logFile(), torn.slice(0, cutAt))
    const state = (send: (...words: string[]) => Promise<unknown>) => send('MGET', 'base', 'torn', 'large', 'commits')
    expect(await live((send) => state(send).finally(() => set(send, TWO_WRITES)))).toEqual(['1', null, null, null])
    expect(said).toEqual([expect.stringMatching(/^Redis had been killed while it wrote: removed \d+ bytes/)])
    expect(await live(state)).toEqual(['1', null, null, '1'])
    expect(await live(state)).toEqual(['1', null, null, '1'])
    expect(said).toHaveLength(1)
    expect((await stat(await logFile())).size).toBeGreaterThan(whole.size)
  })

  test('S-REDIS-6 a transaction that a start before left open, with writes behind it - is taken out, the writes stay', async () => {
    await live((send) => send('SET', 'base', '1'))
    await appendFile(await logFile(), MULTI + command('INCR', 'torn') + command('INCR', 'torn').slice(0, 9))
    const start = await startTestRedis(['--dir', redisFolder()])
    const connection = openCommandConnection(start.url, 'test')
    await untilReady(connection, 5_000)
    await connection.incr('single')
    await connection.eval(TWO_WRITES, 0)
    await connection.shutdown('NOSAVE').catch(() => {})
    connection.disconnect()
    await start.close()
    const after = (send: (...words: string[]) => Promise<unknown>) => send('MGET', 'base', 'torn', 'single', 'outputs')
    expect(await live(after)).toEqual(['1', null, '1', '1'])
    expect(await live(after)).toEqual(['1', null, '1', '1'])
  })

  test('S-REDIS-6 mending that was killed half way - is done again', async () => {
    await live((send) => send('SET', 'base', '1'))
    const file = await logFile()
    await appendFile(file, MULTI + command('INCR', 'torn') + SELECT + MULTI + command('INCR', 'kept') + EXEC)
    await writeFile(`${file}.mended`, (await readFile(file)).subarray(0, 20))
    expect(await live((send) => send('MGET', 'base', 'torn', 'kept'))).toEqual(['1', null, '1'])
  })

  test('a file that is none of commands - is left for Redis to report', async () => {
    await live((send) => send('SET', 'base', '1'))
    const file = await logFile()
    await appendFile(file, Buffer.alloc(100))
    const before = await readFile(file)
    expect(await mendAof(redisFolder())).toBe(0)
    await expect(live((send) => send('PING'))).rejects.toThrow('redis-server ended at its start')
    expect(await readFile(file)).toEqual(before)
  })

  test('a folder without data, or with a whole file - stays as it is', async () => {
    expect(await mendAof(redisFolder())).toBe(0)
    await live((send) => set(send, TWO_WRITES))
    expect(await mendAof(redisFolder())).toBe(0)
    expect(said).toEqual([])
  })
})

describe('AofScan', () => {
  const writes = fc.array(
    fc.oneof(
      fc.constantFrom('#TS:1732350000\r\n', SELECT),
      fc.string({ unit: 'binary', maxLength: 20 }).map((value) => command('SET', 'MULTI', value)),
      fc
        .array(fc.constantFrom(command('DEL', 'k'), command('EXECUTE', '')), { minLength: 1, maxLength: 4 })
        .map((inner) => MULTI + inner.join('') + EXEC),
    ),
    { maxLength: 12 },
  )

  test('S-REDIS-6 cut anywhere and read in any pieces - keeps exactly the whole writes before', () => {
    fc.assert(
      fc.property(writes, fc.nat(), fc.integer({ min: 1, max: 40 }), (parts, cut, pieceBytes) => {
        const file = Buffer.from(parts.join(''))
        const size = cut % (file.length + 1)
        const scan = new AofScan()
        for (let at = 0; at < size; at += pieceBytes) scan.take(file.subarray(at, Math.min(at + pieceBytes, size)))
        let wholeTo = 0
        for (const part of parts) {
          const end = wholeTo + Buffer.byteLength(part)
          if (end > size) break
          wholeTo = end
        }
        expect(scan.end()).toEqual({ kind: 'readable', torn: [], wholeTo, size })
      }),
    )
  })
})
