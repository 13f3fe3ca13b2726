import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openBus } from '../../src/bus/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { definition } from '../entities/counter.ts'
import { twinDefinition } from '../entities/twin.ts'
import { runCommand } from '../support/command-line.ts'
import { EntityDeployment, type SentCommand } from '../support/entities.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'
import config from './entity-transfer.config.ts'

const CONFIG = fileURLToPath(new URL('./entity-transfer.config.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'))

interface Side {
  readonly redis: TestRedis
  readonly entities: EntityDeployment
  readonly close: () => Promise<void>
}

let source: Side
let target: Side

beforeAll(async () => {
  ;[source, target] = await Promise.all([startSide(), startSide()])
})
afterAll(async () => {
  await Promise.all([source.close(), target.close()])
  rmSync(folder, { recursive: true })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

/** A Redis with a worker. */
async function startSide(): Promise<Side> {
  const redis = await startTestRedis()
  const settings = { redisUrl: redis.url, partitions: 4, workerId: 'w', log: () => {} }
  const worker = await startWorker(settings, config.contract)
  const bus = await openBus({ url: redis.url, name: 'test', channels: ['append', 'query'], waitMs: 5_000 })
  const close = async () => {
    bus.close()
    await worker.close({ deadlineMs: 2_000 })
    await redis.close()
  }
  return { redis, entities: new EntityDeployment(bus), close }
}

function on({ redis }: Side, ...args: string[]) {
  vi.stubEnv('REDIS_URL', redis.url)
  return runCommand('entity', ...args, '--config', CONFIG)
}

let files = 0
function fileOf(...lines: (object | string)[]): string {
  const file = join(folder, `${files++}.ndjson`)
  writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''))
  return file
}

let ids = 0
const sent = (entity: string, key: string, command: string, input: object = {}): SentCommand => ({
  ...{ id: `c-${ids++}`, entity, key, command, input },
})
async function run(...commands: SentCommand[]): Promise<void> {
  await source.entities.send(commands)
  await source.entities.answered(commands.map(({ id }) => id))
}

const event = (key: string, version: number, changes: object = {}) => ({
  ...{ entity: 'counter', key, version, type: 'added', definition: 2, time: version, commandId: `x-${version}` },
  ...{ data: { n: 1 }, ...changes },
})

const imported = (entities: number, events: number, unchanged: number) => ({
  code: 0,
  out: `${JSON.stringify({ entities, events, unchanged })}\n`,
})

describe('tidegate entity export and import', () => {
  it('X-ENTITY-5 X-ENTITY-6 X-ENTITY-7 E-IMPORT-1 carry trails, histories and tombstones over as they are, once', async () => {
    const long = Array.from({ length: 4 }, () => sent('counter', 'long', 'add', { n: 1, times: 50 }))
    await run(
      ...long,
      sent('counter', 'red\u200b', 'label', { label: 'red' }),
      sent('counter', 'gone', 'add', { n: 1 }),
    )
    await run(sent('counter', 'gone', '~erase'), sent('counter', 'back', 'add', { n: 1 }))
    await run(sent('counter', 'back', '~erase'))
    await run(sent('counter', 'back', 'add', { n: 7 }))
    for (let part = 0; part < 3; part++) {
      await run(...Array.from({ length: 6 }, () => sent('twin', 't', 'reset')))
    }
    const counters = await on(source, 'export', 'counter')
    expect(counters).toMatchObject({ code: 0, err: 'exported: 202 events of 4 entities\n' })
    const twins = await on(source, 'export', 'twin')
    const [first, second] = twins.out.split('\n').map((line) => line && JSON.parse(line))
    expect([first.version > 5, second.version]).toEqual([true, first.version + 1])
    expect(first).toMatchObject({ entity: 'twin', key: 't', state: { alarms: 0 } })
    expect(Object.keys(second)).toEqual(['entity', 'key', 'version', 'type', 'definition', 'time', 'commandId', 'data'])

    const stdin = vi.spyOn(process, 'stdin', 'get')
    stdin.mockReturnValue(Readable.from([Buffer.from(counters.out)]) as never)
    expect(await on(target, 'import', 'counter', '--json')).toMatchObject(imported(4, 202, 0))
    const twinFile = fileOf(twins.out.trim())
    expect(await on(target, 'import', 'twin', twinFile, '--json')).toMatchObject(imported(1, 18 - first.version, 0))
    const sorted = (text: string) => text.split('\n').sort()
    expect(sorted((await on(target, 'export', 'counter')).out)).toEqual(sorted(counters.out))
    expect((await on(target, 'export', 'twin')).out).toBe(twins.out)
    for (const key of ['long', 'red\u200b', 'gone', 'back']) {
      const [before, after] = [
        await source.entities.states(definition, key),
        await target.entities.states(definition, key),
      ]
      expect(after.stored).toEqual(before.stored)
      expect({ ...after.stored, next: undefined }).toEqual({ ...after.folded, next: undefined })
    }
    const { stored } = await target.entities.states(twinDefinition, 't')
    expect(stored.state).toEqual((await source.entities.states(twinDefinition, 't')).stored.state)
    expect((await on(target, 'find', 'counter', 'label', 'red')).out).toContain('version 1@')

    const counterFile = fileOf(counters.out.trim())
    expect(await on(target, 'import', 'counter', counterFile, '--json')).toMatchObject(imported(4, 0, 202))
    expect(await on(target, 'import', 'twin', twinFile, '--json')).toMatchObject(imported(1, 0, 18 - first.version))
    expect((await on(target, 'export', 'twin')).out).toBe(twins.out)
  })

  it('X-ENTITY-5 exports one entity, and says what does not exist', async () => {
    await run(sent('counter', 'one', 'add', { n: 3 }))
    const { code, out } = await on(source, 'export', 'counter', 'one')
    expect([code, JSON.parse(out)]).toMatchObject([0, { key: 'one', version: 1, type: 'added', data: { n: 3 } }])
    expect(await on(source, 'export', 'counter', 'nobody')).toMatchObject({ code: 1, out: '' })
    const unknown = { code: 1, err: expect.stringContaining('No entity nobody') }
    expect(await on(source, 'export', 'nobody')).toMatchObject(unknown)
    expect(await on(source, 'import', 'nobody', fileOf())).toMatchObject(unknown)
    expect(await on(source, 'export')).toMatchObject({ code: 2 })
  })

  it('X-ENTITY-7 continues an import, and leaves entities with other events as they are', async () => {
    const trail = Array.from({ length: 200 }, (_, i) => event('part', i + 1))
    expect(await on(target, 'import', 'counter', fileOf(...trail.slice(0, 70)), '--json')).toMatchObject(
      imported(1, 70, 0),
    )
    expect(await on(target, 'import', 'counter', fileOf(...trail), '--json')).toMatchObject(imported(1, 130, 70))
    const other = await on(target, 'import', 'counter', fileOf(event('part', 1), event('part', 2, { time: 3 })))
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('line 2: version_conflict: counter "part"') })
    await on(target, 'erase', 'counter', 'part')
    const again = await on(target, 'import', 'counter', fileOf(...trail))
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('line 1: erased: counter "part"') })
    expect(await target.entities.trail('counter', 'part')).toEqual([])
  })

  it.each([
    ['no JSON', '{"entity":', 'it is no JSON'],
    ['no object', '7', 'a line is a JSON object'],
    ['another entity', event('x', 1, { entity: 'twin' }), 'it is of the entity'],
    ['no key', event('', 1), 'key is a text'],
    ['an unknown event', event('x', 1, { type: 'gone' }), 'no event'],
    ['a gap', event('x', 2), 'version 2 does not follow version 0'],
    ['a later definition', event('x', 1, { definition: 3 }), 'of version 3'],
    ['too long a line', event('x', 1, { data: { n: 'x'.repeat(600_000) } }), 'longer than'],
    ['an event that cannot be folded', event('x', 1, { data: null }), 'handler_failed'],
  ])('X-ENTITY-8 ends at a line with %s, and says its number', async (_, line, why) => {
    const key = `bad-${files}`
    const { code, err } = await on(target, 'import', 'counter', fileOf(event(key, 1), '', line))
    expect([code, err]).toEqual([1, expect.stringContaining('line 3: ')])
    expect(err).toContain(why)
    expect(err).toMatch(/Up to there: 1 event of [12] entit.*; there already: 0 events/)
    expect(await target.entities.trail('counter', key)).toHaveLength(1)
    expect(await target.entities.trail('counter', 'x')).toEqual([])
  })
})
