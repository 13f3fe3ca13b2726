import { describe, expect, it } from 'vitest'
import type { GatewayReport, WorkerReport } from '../../src/bus/index.ts'
import { reportedStatus } from '../../src/gateway/status/reported-status.ts'
import { type StatusAnswer, StatusReader } from '../../src/gateway/status/status-reader.ts'
import { startWorker } from '../../src/worker-app.ts'
import { contract, readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'

const STEP_MS = 2_000

function storedIn(gateways: readonly { ends: number; topics: Record<string, { total: number; recent: number[] }> }[]) {
  const reports = gateways.map(({ ends, topics }, i) => {
    const stored = { stepMs: STEP_MS, until: (1_000 + ends) * STEP_MS, topics }
    return [`g-${i}`, { ready: true, breakers: [], stored } as unknown as GatewayReport] as const
  })
  const workers = new Map<string, WorkerReport>()
  return reportedStatus(
    {
      gateways: new Map(reports),
      workers,
      owners: [],
      redis: undefined,
      deadLetters: [],
      takesWrites: true,
      isEmptied: false,
    },
    1,
  ).stored
}

describe('events stored by all processes', () => {
  it('M-STORED-2 are added up step by step, up to the last step that all have', () => {
    const early = { ends: 0, topics: { a: { total: 9, recent: [1, 2, 3] }, b: { total: 1, recent: [1] } } }
    const late = { ends: 1, topics: { a: { total: 100, recent: [10, 20, 30, 40, 50] } } }
    expect(storedIn([early, late])).toEqual({
      stepMs: STEP_MS,
      until: 1_000 * STEP_MS,
      topics: [
        { topic: 'a', total: 109, recent: [10, 21, 32, 43] },
        { topic: 'b', total: 1, recent: [1] },
      ],
    })
  })

  it('M-STORED-2 one that hangs holds nobody up', () => {
    const hanging = { ends: -5, topics: { a: { total: 9, recent: [9] } } }
    const others = { ends: 0, topics: { a: { total: 3, recent: [1, 1, 1] } } }
    expect(storedIn([hanging, others])).toMatchObject({
      until: 1_000 * STEP_MS,
      topics: [{ total: 12, recent: [9, 0, 0, 1, 1, 1] }],
    })
  })

  it.each([-900_000_000, 900_000_000])(
    'M-STORED-4 a clock that is %i steps off hides nothing and costs nothing',
    (ends) => {
      const wrong = { ends, topics: { a: { total: 9, recent: [9] } } }
      const right = { ends: 0, topics: { a: { total: 3, recent: [1, 1, 1] } } }
      const { until, topics } = storedIn([right, wrong, right])
      expect(until).toBe(1_000 * STEP_MS)
      expect(topics).toMatchObject([{ total: 15, recent: [2, 2, 2] }])
    },
  )

  it('M-STORED-2 of versions that do not say it there are none', () => {
    expect(storedIn([])).toEqual({ stepMs: 0, until: 0, topics: [] })
  })
})

describe('GET /v1/status', async () => {
  const server = await useGateway()
  const status = async () => (await (await fetch(`${server.url}/v1/status`)).json()) as StatusAnswer
  const publish = async (body: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ topic: 'sensor.reading', ...body }),
    })
    expect(answer.status).toBe(200)
  }

  it('G-STATUS-1 M-STORED-1 shows who works on what, and what was stored, duplicates once', async () => {
    const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }
    const worker = await startWorker(settings, contract)
    try {
      for (let i = 0; i < 5; i++) await publish(readingOf('attic'), { 'idempotency-key': `same-${Math.min(i, 3)}` })
      const look = status
      const totalOf = async (topic: string) => (await look()).stored.topics.find((one) => one.topic === topic)?.total
      await expect.poll(() => totalOf('sensor.reading')).toBe(4)
      await expect.poll(async () => (await look()).partitions.map(({ owner }) => owner)).toEqual(Array(4).fill('w-1'))
      await expect
        .poll(async () =>
          (await look()).stored.topics
            .find(({ topic }) => topic === 'sensor.reading')
            ?.recent.reduce((sum, count) => sum + count, 0),
        )
        .toBe(4)
      const { at, gateways, workers, partitions, redis, findings, fault } = await look()
      expect(Math.abs(Date.now() - at)).toBeLessThan(10_000)
      expect(gateways).toMatchObject([
        { gateway: 'gw-test', ready: true, latency: { publishToStore: { p99Ms: expect.any(Number) } } },
      ])
      expect(workers).toMatchObject([{ worker: 'w-1', partitions: [0, 1, 2, 3], folded: { events: 4 } }])
      expect(partitions[0]).toMatchObject({ partition: 0, isOwned: true, lagMs: 0 })
      expect(redis).toMatchObject({ usedBytes: expect.any(Number) })
      expect([findings, fault]).toEqual([[], undefined])
    } finally {
      await worker.close({ deadlineMs: 2_000 })
    }
    await expect.poll(async () => (await status()).findings.map(({ code }) => code)).toContain('no-worker')
  })

  it('G-STATUS-3 is the last one while Redis does not answer, and says so', async () => {
    const { at } = await status()
    process.kill(server.redis.pid, 'SIGSTOP')
    try {
      await expect.poll(async () => (await status()).fault, { timeout: 15_000 }).toMatch(/./)
      const { at: then, gateways } = await status()
      expect(then).toBeGreaterThanOrEqual(at)
      expect(gateways).toHaveLength(1)
    } finally {
      process.kill(server.redis.pid, 'SIGCONT')
    }
    await expect.poll(async () => (await status()).fault, { timeout: 15_000 }).toBeUndefined()
  })
})

it('G-STATUS-2 Redis is asked once a second, however many look', async () => {
  let now = 5_000
  let asked = 0
  const gateways = async () => {
    asked++
    return new Map<string, GatewayReport>()
  }
  const bus = {
    ...{ gateways, workers: async () => new Map(), owners: async () => [], redisState: async () => undefined },
    ...{ breakers: [], isEmptied: false },
  }
  const reader = new StatusReader(bus, { now: () => now }, { look: async () => [] })
  await Promise.all(Array.from({ length: 20 }, () => reader.read()))
  now += 999
  await reader.read()
  expect(asked).toBe(1)
  now += 1
  await reader.read()
  expect(asked).toBe(2)
})
