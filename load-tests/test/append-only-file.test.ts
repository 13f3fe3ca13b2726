import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { tearTransaction } from '../src/support/append-only-file.ts'

const command = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`

const transaction = (name: string) =>
  command('MULTI') +
  command('HSET', `state-${name}`, 'a', '1') +
  command('XADD', `log-${name}`, '1-1', 'p', 'x'.repeat(20)) +
  command('HSET', `meta-${name}`, 'seq', '1') +
  command('EXEC')

it('tearing a transaction - keeps its events and cuts the command behind them, and nothing before the offset', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-torn-'))
  try {
    const path = join(folder, 'x.aof')
    const before = transaction('before-and-larger') + command('SET', 'a', '1')
    await writeFile(path, before + transaction('torn') + command('SET', 'b', '1'))
    expect(await tearTransaction(path, before.length)).toBe(true)
    const left = (await readFile(path, 'latin1')).slice(before.length)
    expect(left).toContain('log-torn')
    expect(left).not.toContain('EXEC')
    expect(left.length).toBeGreaterThan(left.lastIndexOf('*4'))
    expect(transaction('torn').startsWith(left)).toBe(true)
    expect(await tearTransaction(path, before.length)).toBe(false)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
