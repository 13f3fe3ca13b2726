import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lockFile } from '../../src/outbox-store/file-lock.ts'
import { FileLog } from '../../src/outbox-store/file-log.ts'

let folder: string
let path: string
let logs: FileLog[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'))
  path = join(folder, 'outbox')
  logs = []
})
afterEach(() => {
  for (const log of logs) log.close()
  rmSync(folder, { recursive: true })
})

function open(policy: 'always' | 'never' = 'never'): FileLog {
  const log = new FileLog(path, policy, () => {})
  logs.push(log)
  return log
}

describe('a file of lines', () => {
  test('C-STORE-9 file - what was appended is there again, wherever the last write was cut off', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\n'))
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), fc.nat(), (lines, cut) => {
        rmSync(path, { force: true })
        const log = open()
        log.replace(lines.slice(0, 1))
        for (const each of lines.slice(1)) log.append([each])
        const size = statSync(path).size
        expect(open()).toMatchObject({ lines, damage: undefined })
        truncateSync(path, cut % size)
        const { lines: left, damage } = open()
        expect(left).toEqual(lines.slice(0, left.length))
        expect(damage).toBeUndefined()
      }),
      { numRuns: 50 },
    )
  })

  test('C-STORE-9 file - lines behind a damaged one are read, and a copy of the whole is kept', () => {
    const log = open()
    log.replace(['first', 'second', 'third'])
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace('second', 'sEcond'))
    const { lines, damage } = open()
    expect(lines).toEqual(['first', 'third'])
    const [copy] = readdirSync(folder).filter((name) => name.includes('damaged'))
    expect(damage).toContain(copy)
    expect(readFileSync(join(folder, copy!), 'utf8')).toBe(text.replace('second', 'sEcond'))
  })

  test.each(['{\n  "name": "shop"\n}\n', 'hello', 'a note\n', 'deadbeef'])(
    'C-STORE-9 file - %j, which is no outbox, is kept as a copy where it cannot be the beginning of one',
    (text) => {
      writeFileSync(path, text)
      const { lines, damage } = open()
      expect(lines).toEqual([])
      const copies = readdirSync(folder).filter((name) => name.includes('damaged'))
      expect(copies.map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual(text === 'deadbeef' ? [] : [text])
      expect(damage === undefined).toBe(text === 'deadbeef')
    },
  )

  test('C-STORE-1 file - a write that does not fit leaves nothing of itself', () => {
    // A limit of the process on the size of files stands for a full disk.
    const source = fileURLToPath(new URL('../../src/outbox-store/file-log.ts', import.meta.url))
    const contents = `
      import { FileLog } from ${JSON.stringify(source)}
      const log = new FileLog(process.argv[2], 'never', () => {})
      log.replace(['before'])
      try { log.append(['x'.repeat(8_000)]) } catch (error) { console.log(error.code) }
      log.append(['after'])`
    const program = join(folder, 'program.mjs')
    buildSync({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: program,
    })
    const limited = `trap '' XFSZ; ulimit -f 4; exec '${process.execPath}' '${program}' '${path}'`
    const { stdout, stderr } = spawnSync('sh', ['-c', limited], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout.trim()).toBe('EFBIG')
    expect(open().lines).toEqual(['before', 'after'])
  })

  test('C-STORE-3 file - with fsync "always" a line counts as written when it is on the disk', async () => {
    const log = open('always')
    log.replace([])
    const order: string[] = []
    const writes = ['a', 'b', 'c'].map(async (line) => {
      await log.append([line])
      order.push(line)
    })
    expect(order).toEqual([])
    await Promise.all(writes)
    expect(order).toEqual(['a', 'b', 'c'])
    expect(open().lines).toEqual(['a', 'b', 'c'])
  })
})

describe('the lock of a file', () => {
  const held = () => JSON.parse(readFileSync(path, 'utf8')) as { pid: number; since?: string }

  test('C-STORE-8 lock - is had once, and again when it was given up', () => {
    const unlock = lockFile(path)
    expect(held().pid).toBe(process.pid)
    expect(() => lockFile(path)).toThrow(`held by process ${process.pid} on ${hostname()}`)
    unlock()
    unlock()
    lockFile(path)()
    expect(readdirSync(folder)).toEqual([])
  })

  test.each([
    ['a process that is gone', { pid: 2 ** 22 + 1 }],
    ['an earlier process with our number', { pid: process.pid, since: 'another boot/1' }],
    ['a process whose number another one has', { pid: 1, since: 'another boot/1' }],
  ])('C-STORE-8 lock - of %s is taken', (_, holder) => {
    writeFileSync(path, JSON.stringify({ host: hostname(), nonce: 'n', ...holder }))
    const unlock = lockFile(path)
    expect(held().pid).toBe(process.pid)
    unlock()
  })

  test('C-STORE-8 lock - of another machine is not taken', () => {
    writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, host: 'elsewhere', nonce: 'n' }))
    expect(() => lockFile(path)).toThrow(expect.objectContaining({ code: 'store_in_use' }))
  })
})
