import { fileURLToPath } from 'node:url'
import { createClient } from '@tidegate/client/node'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { decodeEvents, type EventBody } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { printableTime } from '../../src/cli/terminal/printable.ts'
import { startWorker } from '../../src/worker-app.ts'
import { logOf } from '../support/bus.ts'
import { runCommand } from '../support/command-line.ts'
import { storedCount } from '../support/stored-count.ts'
import { TidegateProcess } from '../support/tidegate-process.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'
import config from './dead-letter.config.ts'

const CONFIG = fileURLToPath(new URL('./dead-letter.config.ts', import.meta.url))
const PARTITIONS = 4
/** What a terminal could obey. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

const server = await useGateway(config.contract)
const redis = await useConnection(server.redis.url)
let worker: Awaited<ReturnType<typeof startWorker>>

beforeAll(async () => {
  const settings = { redisUrl: server.redis.url, partitions: PARTITIONS, workerId: 'w', log: () => {} }
  worker = await startWorker(settings, config.contract)
  const client = createClient({ url: server.url })
  const readings = [4, -9, 16, -25, -1].map((v, i) => ({ id: `r${i}`, data: { k: `k${i}`, v } }))
  await client.publish('d.reading', readings)
  await client.close({ deadlineMs: 1_000 })
  for (const deadline = Date.now() + 10_000; (await eventsOf('d.root~dead')).length < 3 && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})
beforeEach(() => {
  vi.stubEnv('REDIS_URL', server.redis.url)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await worker.close({ deadlineMs: 2_000 })
})

async function eventsOf(topic: string): Promise<EventBody[]> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  const logs = await Promise.all(partitions.map((partition) => logOf(redis, partition).range(topic, '-', '+', 1_000)))
  return logs.flat().flatMap(({ payload }) => decodeEvents(payload))
}

const idsOf = async (topic: string) => (await eventsOf(topic)).map(({ id }) => id).sort()

/** @param mended what the flow's code can take now: all, or the events of a key */
async function deadLetter(args: readonly string[], mended = ''): Promise<{ code: number; output: string }> {
  vi.stubEnv('MENDED', mended)
  const { code, out, err } = await runCommand('dead-letter', ...args, '--config', CONFIG)
  vi.stubEnv('MENDED', '')
  return { code, output: out + err }
}

describe('tidegate dead-letter', () => {
  it('X-DEAD-1 lists topic, place, event and cause, of one topic or all, as lines or JSON', async () => {
    const listing = new TidegateProcess(['dead-letter', 'list', '--config', CONFIG], { REDIS_URL: server.redis.url })
    expect((await listing.ended).code).toBe(0)
    const { output } = listing
    expect(output.trim().split('\n')).toHaveLength(3)
    expect(output).toMatch(/^d\.root \d\/\d+-\d+\.\d+ r1 k1 \d{4}-\S+ no root of -9$/m)
    const json = await deadLetter(['list', 'd.root', '--json', '--limit', '1'])
    expect(JSON.parse(json.output)).toMatchObject({
      topic: 'd.root',
      cause: expect.stringMatching(/^no root of -/),
      event: { data: { v: expect.any(Number) } },
    })
    expect((await deadLetter(['list', 'd.large'])).output).toBe('There are no dead letters.\n')
  })

  it('X-DEAD-2 X-DEAD-3 X-DEAD-6 redrives what works now through the flow and those behind it, and counts it, once; what throws stays', async () => {
    expect((await deadLetter(['redrive', 'd.root', '--dry-run'], 'all')).output).toContain('3 would be redriven.')
    expect(await idsOf('d.root')).toEqual(['r0', 'r2'])

    const some = await deadLetter(['redrive', 'd.root'], 'k3')
    expect(some.code).toBe(1)
    expect(some.output).toContain('stays: no root of -9')
    expect(some.output).toContain('1 of 3 redriven: 1 to d.root, 1 to d.large.')
    expect(some.output).toContain('These windows do not see them: d.count.')
    expect(await idsOf('d.root')).toEqual(['r0', 'r2', 'r3'])
    expect(await idsOf('d.large')).toEqual(['r2', 'r3'])

    // Ended between storing and removing: the letters are there again.
    const letters = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => redis.dumpBuffer(keys.log(partition, 'd.root~dead'))),
    )
    const all = await deadLetter(['redrive', 'd.root'], 'all')
    expect([all.code, await idsOf('d.root~dead')]).toEqual([0, []])
    for (const [partition, dump] of letters.entries()) {
      if (dump !== null) await redis.restore(keys.log(partition, 'd.root~dead'), 0, dump, 'REPLACE')
    }
    expect((await deadLetter(['redrive', 'd.root'], 'all')).code).toBe(0)
    expect(await idsOf('d.root')).toEqual(['r0', 'r1', 'r2', 'r3', 'r4'])
    expect(await idsOf('d.large')).toEqual(['r1', 'r2', 'r3'])
    expect(await idsOf('d.root~dead')).toEqual([])
    await expect.poll(() => storedCount(server.url, 'd.root'), { timeout: 10_000 }).toBe(5)
    expect(await storedCount(server.url, 'd.large')).toBe(3)
  })

  it('X-DEAD-5 shows keys, ids and causes without what a terminal obeys; JSON stays the same value', async () => {
    const hostile = 'k\u001b[2J\u009b31m\u202eevil\u2066\u2028\n\r\u007f\ufeff\\'
    const client = createClient({ url: server.url })
    await client.publish('d.reading', [{ id: hostile, data: { k: hostile, v: -7 } }])
    await client.close({ deadlineMs: 1_000 })
    await expect.poll(() => idsOf('d.root~dead'), { timeout: 10_000 }).toHaveLength(1)
    const shown = 'k\\u001b[2J\\u009b31m\\u202eevil\\u2066\\u2028\\u000a\\u000d\\u007f\\ufeff\\\\'
    for (const args of [['list'], ['redrive', 'd.root', '--dry-run'], ['redrive', 'd.root']]) {
      const { output } = await deadLetter(args)
      expect(output).toContain(` ${shown} ${shown} `)
      expect(output.replaceAll('\n', '')).not.toMatch(UNPRINTABLE)
    }
    const { output } = await deadLetter(['list', '--json'])
    expect(output.replaceAll('\n', '')).not.toMatch(UNPRINTABLE)
    expect(JSON.parse(output)).toMatchObject({ event: { id: hostile, key: hostile } })
  })

  it('X-DEAD-5 shows a time that no Date holds as its number', () => {
    expect([0, 8_640_000_000_000_001, Number.NEGATIVE_INFINITY].map(printableTime)).toEqual([
      '1970-01-01T00:00:00.000Z',
      '8640000000000001 ms',
      '-Infinity ms',
    ])
  })

  it.each([
    [['redrive'], 2, /say the topic/],
    [['bury'], 2, /there is no dead-letter bury/],
    [['list', '--limit', 'few'], 2, /--limit: expected a whole number/],
    [['list', 'd.nothing'], 1, /the config has no topic d.nothing. There are: d.reading/],
  ])('X-DEAD-4 %j ends with %i and says why', async (args, code, reason) => {
    const ended = await deadLetter(args)
    expect(ended.code).toBe(code)
    expect(ended.output).toMatch(reason)
  })
})
