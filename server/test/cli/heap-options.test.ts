import { fork } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HEAP_OPTIONS, missingHeapOptions } from '../../src/heap-options.ts'
import { COMMAND } from '../../src/package-files.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import { isRunning, processesLike, until } from '../support/tidegate-process.ts'

describe('missingHeapOptions', () => {
  test('S-CHILD-7 what the starter chose stays, however it is spelt', () => {
    expect(missingHeapOptions([])).toEqual(HEAP_OPTIONS)
    expect(missingHeapOptions(HEAP_OPTIONS)).toEqual([])
    expect(missingHeapOptions(['--inspect', '--max_semi_space_size=16'])).toEqual(
      HEAP_OPTIONS.filter((option) => !option.startsWith('--max-semi')),
    )
  })
})

describe('a gateway that was started without them', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startTestRedis()
  })
  afterAll(() => redis.close())

  /** Its node name tells its processes from those of other tests. */
  async function started(host: string) {
    const child = fork(COMMAND, ['gateway', '--port', '0', '--host', host], {
      env: { ...process.env, REDIS_URL: redis.url },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const [message] = (await once(child, 'message')) as [{ type: string; port?: number }]
    const [running] = processesLike(new RegExp(`semi-space-size=64 .*gateway --port 0 --host ${host}$`))
    return { child, message, running: running! }
  }

  test('S-CHILD-7 runs with them, tells its parent when it is ready, and ends upon a signal with its code', async () => {
    const { child, message, running } = await started('127.0.0.7')
    expect(running).toBeGreaterThan(0)
    expect(message).toEqual({ type: 'ready', port: expect.any(Number) })
    expect((await fetch(`http://127.0.0.7:${message.port}/livez`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(isRunning(running)).toBe(false)
  })

  test('S-CHILD-7 ends when it is killed', async () => {
    const { child, running } = await started('127.0.0.8')
    child.kill('SIGKILL')
    await until(() => !isRunning(running), 'nothing is left of it')
  })
})
