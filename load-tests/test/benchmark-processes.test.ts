import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { isAlive } from '../src/support/processes.ts'

const BROKEN = fileURLToPath(new URL('./support/broken-benchmark.ts', import.meta.url))

const folder = await mkdtemp(join(tmpdir(), 'tidegate-broken-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('processes of a benchmark', () => {
  it('end with it where one does not start, and leave no data', async () => {
    const benchmark = spawn(process.execPath, ['--import', 'tsx', BROKEN], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [said, [code]] = await Promise.all([text(benchmark.stdout), once(benchmark, 'exit')])
    expect(code).toBe(1)
    const pids = JSON.parse(said) as number[]
    expect(pids).toHaveLength(2)
    await expect.poll(() => pids.filter(isAlive)).toEqual([])
    await expect.poll(async () => (await readdir(folder)).filter((name) => name.startsWith('tidegate-'))).toEqual([])
  })
})
