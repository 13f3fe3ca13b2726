import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startWorker } from '../../src/worker-app.ts'
import { runCommand } from '../support/command-line.ts'
import { useGateway } from '../support/use-gateway.ts'
import config from './entity.config.ts'

const CONFIG = fileURLToPath(new URL('./entity.config.ts', import.meta.url))
const server = await useGateway(config.contract)
let worker: Awaited<ReturnType<typeof startWorker>>

beforeAll(async () => {
  const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w', log: () => {} }
  worker = await startWorker(settings, config.contract)
})
beforeEach(() => {
  vi.stubEnv('REDIS_URL', server.redis.url)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await worker.close({ deadlineMs: 2_000 })
})

const entity = (...args: string[]) => runCommand('entity', ...args, '--config', CONFIG)

describe('tidegate entity', () => {
  it('X-ENTITY-1 sends a command and prints its outcome, once for an id', async () => {
    const first = await entity('command', 'counter', 'a', 'add', '{"n":3}', '--id', 'one')
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^done: added; version 1@\w+\n$/) })
    expect(await entity('command', 'counter', 'a', 'add', '{"n":3}', '--id', 'one')).toEqual(first)
    const status = await entity('command', 'counter', 'a', 'status', '--json')
    expect(JSON.parse(status.out)).toMatchObject({ status: 'done', reply: { n: 3 } })
  })

  it('X-ENTITY-1 ends with 1 where it was rejected, and says why', async () => {
    const tooMany = await entity('command', 'counter', 'b', 'add', '{"n":1001}')
    expect(tooMany).toMatchObject({ code: 1, out: 'rejected: too_many: It would exceed 1,000.\n' })
    const conflict = await entity('command', 'counter', 'b', 'add', '{"n":1}', '--expect', '7')
    expect(conflict).toMatchObject({ code: 1, out: expect.stringContaining('version_conflict') })
    const unknown = await entity('command', 'counter', 'b', 'nothing')
    expect(unknown).toMatchObject({ code: 1, out: expect.stringContaining('unknown_command') })
  })

  it('X-ENTITY-2 shows an entity now, at a version and at a time, and its history', async () => {
    for (const n of [1, 2, 3]) await entity('command', 'counter', 'c', 'add', `{"n":${n}}`)
    expect((await entity('show', 'counter', 'c')).out).toMatch(/^c version 3@\w+ of \S+: \{"n":6,"label":""\}\n$/)
    const second = await entity('show', 'counter', 'c', '--version', '2', '--json')
    expect(JSON.parse(second.out)).toMatchObject({ key: 'c', version: 2, view: { n: 3 } })
    expect(await entity('show', 'counter', 'c', '--at', '1h')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No counter has this key'),
    })
    const { out } = await entity('history', 'counter', 'c', '--limit', '2')
    expect(out).toMatch(/^1 \S+ added \S+ \{"n":1\}\n2 \S+ added \S+ \{"n":2\}\nThere are more: --after 2\n$/)
    expect((await entity('history', 'counter', 'c', '--after', '2')).out).toMatch(/^3 \S+ added \S+ \{"n":3\}\n$/)
  })

  it('X-ENTITY-2 finds entities by an index, and lists what the config has', async () => {
    for (const key of ['d', 'e', 'f']) await entity('command', 'counter', key, 'label', '{"label":"red"}')
    const found = await entity('find', 'counter', 'label', 'red', '--json')
    const keys = found.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).key)
    expect(keys.sort()).toEqual(['d', 'e', 'f'])
    expect((await entity('find', 'counter', 'label', 'green')).out).toBe('')
    expect((await entity('list')).out).toMatch(/^counter by counterId, version 2: commands add, .*; indexes label\n$/)
  })

  it('X-ENTITY-4 erases an entity, once, and says what remains of it', async () => {
    await entity('command', 'counter', 'g', 'add', '{"n":3}', '--id', 'before')
    const { code, out } = await entity('erase', 'counter', 'g')
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^erased: counter g, version 2@\w+\n.* 10 min\n.* 3 h\n.*dead letters.* 24 h\n/s),
    ])
    expect(await entity('show', 'counter', 'g')).toMatchObject({ code: 1 })
    const again = await entity('command', 'counter', 'g', 'add', '{"n":3}', '--id', 'before')
    expect(again).toMatchObject({ code: 1, out: expect.stringMatching(/^rejected: erased: /) })
    expect(await entity('erase', 'counter', 'nobody')).toMatchObject({ code: 1 })
    const asClient = await entity('command', 'counter', 'g', '~erase')
    expect(asClient).toMatchObject({ code: 1, out: expect.stringContaining('unknown_command') })
  })

  it('X-ENTITY-3 says how it is used', async () => {
    expect(await entity()).toMatchObject({ code: 2, err: expect.stringContaining('say what to do') })
    expect(await entity('show', 'counter')).toMatchObject({ code: 2, err: expect.stringContaining('<name> <key>') })
    const wrong = ['command', 'counter', 'a', 'add', '{']
    expect(await entity(...wrong)).toMatchObject({ code: 2, err: expect.stringContaining('the input is no JSON') })
    expect(await entity('show', 'nobody', 'a')).toMatchObject({ code: 1, err: expect.stringContaining('No entity') })
  })
})
