import { createClient } from '@tidegate/client/node'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { deadLetterTopic, decodeEvents, encodeLetter, RecordBatchBuilder } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { LettersAnswer, RedriveAnswer } from '../../src/gateway/http/dead-letters.ts'
import type { AuditEvent } from '../../src/observability/audit.ts'
import { startWorker } from '../../src/worker-app.ts'
import config from '../cli/dead-letter.config.ts'
import { SECRET, signed } from '../support/access-tokens.ts'
import { logOf } from '../support/bus.ts'
import { storedCount } from '../support/stored-count.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const PARTITIONS = 4
const noted: AuditEvent[] = []
const server = await useGateway(config.contract, {
  access: { anonymous: 'rules', secret: SECRET, toleranceSeconds: 0, rightsClaim: 'tidegate' },
  audit: { note: (event) => void noted.push(event) },
})
/** May do everything. */
const operator = await signed({ sub: 'op', tidegate: { publish: ['>'], query: ['>'], admin: true } })
const redis = await useConnection(server.redis.url)
let worker: Awaited<ReturnType<typeof startWorker>>

beforeAll(async () => {
  const settings = { redisUrl: server.redis.url, partitions: PARTITIONS, workerId: 'w', log: () => {} }
  worker = await startWorker(settings, config.contract)
})
beforeEach(async () => {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await redis.del(keys.log(partition, deadLetterTopic('d.root')), keys.log(partition, 'd.root'))
  }
  noted.length = 0
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await worker.close({ deadlineMs: 2_000 })
})

async function call<Answer>(method: string, path: string, token = operator) {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${server.url}/v1/dead-letters${path}`, { method, headers })
  return { status: response.status, body: (await response.json()) as Answer & { error?: { code: string } } }
}
const list = (query = '', token?: string) => call<LettersAnswer>('GET', query, token)
const redrive = (query: string, token?: string) => call<RedriveAnswer>('POST', `/redrive?topic=d.root${query}`, token)

/** Publishes to one partition readings on which the flow throws, and waits for their letters. */
async function fail(...values: readonly number[]): Promise<LettersAnswer> {
  const client = createClient({ url: server.url, token: operator })
  await client.publish(
    'd.reading',
    values.map((v, i) => ({ id: `r${i}`, data: { k: 'k', v } })),
  )
  await client.close({ deadlineMs: 1_000 })
  await expect.poll(async () => (await list()).body.letters.length).toBe(values.length)
  return (await list()).body
}

async function storedOf(topic: string): Promise<string[]> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  const logs = await Promise.all(partitions.map((partition) => logOf(redis, partition).range(topic, '-', '+', 100)))
  return logs.flat().flatMap(({ payload }) => decodeEvents(payload).map(({ id }) => id))
}

const countOf = (topic: string) => storedCount(server.url, topic, { authorization: `Bearer ${operator}` })

const idsOf = ({ letters }: LettersAnswer) => letters.map(({ event }) => event.id)

describe('dead letters over HTTP', () => {
  it('G-DEAD-1 lists topic, place, cause and event, by topic, key and a part of the cause, page by page', async () => {
    const all = await fail(-4, -9, -25)
    expect(all.letters[0]).toMatchObject({
      ...{ topic: 'd.root', place: expect.stringMatching(/^\d\/\d+-\d+\.0$/), cause: 'no root of -4' },
      event: { id: 'r0', key: 'k', time: expect.any(Number), data: { k: 'k', v: -4 } },
    })
    expect(all.topics).toEqual([{ topic: 'd.root', windows: ['d.count'] }])
    expect(idsOf((await list('?topic=d.root&cause=-9')).body)).toEqual(['r1'])
    expect(idsOf((await list('?key=k')).body)).toEqual(['r0', 'r1', 'r2'])
    expect(idsOf((await list('?key=other')).body)).toEqual([])
    expect(idsOf((await list('?topic=d.large')).body)).toEqual([])
    const first = (await list('?limit=2')).body
    expect(idsOf(first)).toEqual(['r0', 'r1'])
    expect(idsOf((await list(`?limit=2&from=${encodeURIComponent(first.next!)}`)).body)).toEqual(['r2'])
  })

  it('G-DEAD-2 DL-REDRIVE-1 DL-REDRIVE-3 M-STORED-1 redrives one of a batch, says what it led to, which counts as stored, and the others stay with their names', async () => {
    const { letters } = await fail(-4, -9, -25)
    const [, second] = letters
    vi.stubEnv('MENDED', 'all')
    const at = `&at=${encodeURIComponent(second!.place)}`
    const { body } = await redrive(at)
    expect(body.outcomes).toMatchObject([{ origin: second!.origin, outcome: 'redriven', results: { 'd.root': 1 } }])
    expect(body.windows).toEqual(['d.count'])
    expect(await storedOf('d.root')).toEqual(['r1'])
    await expect.poll(() => countOf('d.root')).toBe(1)
    const rest = (await list()).body
    expect(idsOf(rest)).toEqual(['r0', 'r2'])
    expect(rest.letters.map(({ origin }) => origin)).toEqual([letters[0]!.origin, letters[2]!.origin])
    expect(body.moved.map(({ origin, place }) => [origin, place])).toEqual(
      rest.letters.map(({ origin, place }) => [origin, place]),
    )
    expect(await redrive(at)).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } })
    vi.unstubAllEnvs()
    expect((await redrive(`&at=${encodeURIComponent(rest.letters[0]!.place)}`)).body).toMatchObject({
      outcomes: [{ outcome: 'stays', why: 'no root of -4' }],
      moved: [],
    })
    expect(noted.map(({ kind, what }) => [kind, what])).toContainEqual([
      'admin_command',
      `dead-letter redrive d.root at=${second!.place}`,
    ])
  })

  it('DL-REDRIVE-2 M-STORED-1 a letter that lies there again - the call ended between storing and removing - stores nothing twice, and counts once', async () => {
    const { letters } = await fail(-4, -9)
    const counted = await countOf('d.root')
    const partition = Number(letters[0]!.place.split('/')[0])
    const log = keys.log(partition, deadLetterTopic('d.root'))
    const before = (await redis.dumpBuffer(log))!
    vi.stubEnv('MENDED', 'all')
    expect((await redrive(`&at=${encodeURIComponent(letters[0]!.place)}`)).body.outcomes[0]!.outcome).toBe('redriven')
    await redis.restore(log, 0, before, 'REPLACE')
    const { outcomes } = (await redrive('')).body
    vi.unstubAllEnvs()
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['redriven', 'redriven'])
    expect((await storedOf('d.root')).sort()).toEqual(['r0', 'r1'])
    await expect.poll(() => countOf('d.root')).toBe(counted + 2)
    expect((await list()).body.letters).toEqual([])
  })

  it('G-DEAD-2 redrives all that a filter finds; what throws again stays', async () => {
    await fail(-4, -9, -44)
    vi.stubEnv('MENDED', 'all')
    const some = (await redrive('&cause=-4')).body
    expect(some.outcomes).toHaveLength(2)
    vi.unstubAllEnvs()
    expect((await storedOf('d.root')).sort()).toEqual(['r0', 'r2'])
    expect((await redrive('')).body.outcomes).toMatchObject([{ outcome: 'stays', why: 'no root of -9' }])
    expect(idsOf((await list()).body)).toEqual(['r1'])
  })

  it('DL-REDRIVE-4 a letter whose data were left out stays', async () => {
    const builder = new RecordBatchBuilder()
    const cause = 'data nests deeper than 64 and was left out'
    builder.addSlice([encodeLetter({ id: 'd', key: 'k', time: 1, data: null }, { cause, data: null })])
    const { header, payload } = builder.build()
    const log = keys.log(0, deadLetterTopic('d.root'))
    await redis.xadd(log, '*', 'e', '1', 'h', header, 'd', payload)
    expect((await redrive('')).body.outcomes).toMatchObject([
      { outcome: 'stays', why: expect.stringContaining('not kept') },
    ])
  })

  it('G-DEAD-3 takes the right `admin`, notes who is refused, and shows data to those who may read all events', async () => {
    await fail(-4)
    const nobody = await signed({ sub: 'nobody', tidegate: { query: ['>'] } })
    for (const { status, body } of [await list('', nobody), await redrive('', nobody)]) {
      expect([status, body.error?.code]).toEqual([403, 'forbidden'])
    }
    expect(noted).toMatchObject([
      { kind: 'admin_denied', subject: 'nobody', what: '/v1/dead-letters' },
      { kind: 'admin_denied', subject: 'nobody', what: '/v1/dead-letters/redrive' },
    ])
    const reader = await signed({ tidegate: { admin: true, query: ['d.reading'] } })
    expect((await list('', reader)).body.letters[0]!.event).toHaveProperty('data')
    const others = [{ admin: true }, { admin: true, query: ['d.reading:k'] }]
    for (const tidegate of others) {
      const { event, cause } = (await list('', await signed({ tidegate }))).body.letters[0]!
      expect([event.id, cause]).toEqual(['r0', 'no root of -4'])
      expect(event).not.toHaveProperty('data')
    }
  })

  it.each([
    ['GET', '?topic=d.nothing', 404],
    ['GET', '?from=somewhere', 400],
    ['POST', '/redrive', 400],
    ['POST', '/redrive?topic=d.root&at=somewhere', 400],
    ['POST', '/redrive?topic=d.root&at=0/1-1.0', 404],
  ])('G-DEAD-4 %s %s is answered with %i', async (method, path, status) => {
    expect((await call(method, path)).status).toBe(status)
  })
})
