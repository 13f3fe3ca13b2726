import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FolderLock } from '../../src/supervisor/folder-lock.ts'
import { identify } from '../../src/supervisor/process-identity.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-lock-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A process that does nothing until it is killed. */
async function idleProcess() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await once(child, 'spawn')
  return {
    identity: identify(child.pid!),
    async kill() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

const leaveBehind = (holder: unknown) => writeFile(join(folder, 'lock'), JSON.stringify(holder))

describe('folder lock', () => {
  test('S-FOLDER-1 take - a folder in use is refused with the process that has it', async () => {
    const lock = await FolderLock.take(folder)
    await expect(FolderLock.take(folder)).rejects.toThrow(
      new RegExp(`${folder} is in use by another Tidegate \\(process ${process.pid}\\).*--data`),
    )
    await lock.release()
    await (await FolderLock.take(folder)).release()
    expect(await readdir(folder)).toEqual([])
  })

  test('S-FOLDER-2 take - the lock of a dead process counts for nothing', async () => {
    const owner = await idleProcess()
    await leaveBehind({ owner: owner.identity })
    await expect(FolderLock.take(folder)).rejects.toThrow('in use')
    await owner.kill()
    await (await FolderLock.take(folder)).release()
  })

  test('S-FOLDER-2 take - another process under the id of a dead one does not hold the lock', async () => {
    await leaveBehind({ owner: { pid: process.pid, started: 'before the last boot/1' } })
    await (await FolderLock.take(folder)).release()
  })

  test('S-FOLDER-4 take - waits although the clock is set forward meanwhile', async () => {
    const redis = await idleProcess()
    await leaveBehind({ owner: { pid: process.pid, started: 'before' }, redis: redis.identity })
    const taking = FolderLock.take(folder)
    taking.catch(() => {})
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    try {
      await sleep(200)
      vi.setSystemTime(Date.now() + 3_600_000)
      await sleep(200)
    } finally {
      vi.useRealTimers()
      await redis.kill()
    }
    await (await taking).release()
  })

  test('S-FOLDER-2 take - waits until the Redis of a dead owner has ended', async () => {
    const redis = await idleProcess()
    await leaveBehind({ owner: { pid: process.pid, started: 'before' }, redis: redis.identity })
    let taken = false
    const taking = FolderLock.take(folder).then((lock) => {
      taken = true
      return lock
    })
    // The lock looks every 50 ms; two turns of it without success show that it waits.
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(taken).toBe(false)
    await redis.kill()
    await (await taking).release()
  })

  test('S-FOLDER-2 take - a lock file cut short names nobody', async () => {
    await writeFile(join(folder, 'lock'), '{"owner":{"pi')
    await (await FolderLock.take(folder)).release()
  })

  test('S-FOLDER-1 take - of many at once on a stale lock exactly one gets it', async () => {
    await leaveBehind({ owner: { pid: process.pid, started: 'before' } })
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.take(folder)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
