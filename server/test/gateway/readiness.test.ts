import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StatusAnswer } from '../../src/gateway/index.ts'
import type { ReadinessReport } from '../../src/gateway/readiness.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { contract } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

// As a gateway has it: an append that hangs is what is seen first.
const said: string[] = []
const server = await useGateway(contract, { appendDeadlineMs: 180, warn: (line) => said.push(line) })
const admin = await useConnection(server.redis.url)
let worker: RunningWorker

beforeAll(async () => {
  const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }
  worker = await startWorker(settings, contract)
})
afterAll(async () => {
  await worker.close({ deadlineMs: 2_000 })
})

async function readiness() {
  const asked = async (path: string) => {
    const response = await fetch(server.url + path)
    return { status: response.status, body: await response.json(), at: performance.now() }
  }
  const [alive, ready] = await Promise.all([asked('/livez'), asked('/readyz')])
  return { status: ready.status, report: ready.body as ReadinessReport, laterMs: ready.at - alive.at }
}

it('G-HEALTH-1 G-HEALTH-3 G-HEALTH-4 turns red when Redis hangs, says what and since when, without waiting for it', async () => {
  await expect.poll(async () => (await readiness()).report.red, { timeout: 5_000 }).toEqual([])
  expect((await readiness()).report).toMatchObject({ ready: true, draining: false })
  const hungAt = Date.now()
  process.kill(server.redis.pid, 'SIGSTOP')
  try {
    const times: number[] = []
    const parts = async () => {
      const { laterMs, report } = await readiness()
      times.push(laterMs)
      return report.red.map(({ part }) => part)
    }
    await expect.poll(parts, { timeout: 2_000, interval: 20 }).not.toEqual([])
    await expect.poll(parts, { timeout: 2_000, interval: 20 }).toContain('delivery')
    expect(Date.now() - hungAt).toBeLessThan(2_000)
    const { status, report } = await readiness()
    expect(status).toBe(503)
    expect(report.since).toBeGreaterThan(hungAt)
    const delivery = report.red.filter(({ part }) => part === 'delivery')
    expect(delivery.map(({ partition }) => partition)).toEqual([0, 1, 2, 3])
    for (const { since, why } of delivery) {
      expect(Math.abs(since - hungAt)).toBeLessThan(1_000)
      expect(why).toContain('Redis is not available')
    }
    // On a busy machine any answer takes its time.
    expect(Math.max(...times)).toBeLessThan(200)
  } finally {
    process.kill(server.redis.pid, 'SIGCONT')
  }
  // It is ready again as soon as half of the partitions are back.
  await expect.poll(async () => (await readiness()).report.red, { timeout: 3_000 }).toEqual([])
  expect((await readiness()).status).toBe(200)
})

it('B-GUARD-10 G-HEALTH-3 G-HEALTH-9 says that its user may not write any more, what to do, and then that it is ready again', async () => {
  await expect.poll(() => said.at(-1), { timeout: 10_000 }).toBe('ready again')
  said.length = 0
  await admin.acl('SETUSER', 'default', '-xadd')
  const reasons = async () => (await readiness()).report.red.map(({ why }) => why).join('\n')
  try {
    await expect.poll(reasons, { timeout: 10_000 }).toMatch(/the user of REDIS_URL may not run what Tidegate needs/)
    expect((await readiness()).report.breakers.filter(({ state }) => state !== 'closed')).toEqual([])
    await expect.poll(() => said.findLast((line) => line.startsWith('not ready: ')), { timeout: 10_000 }).toBeDefined()
  } finally {
    await admin.acl('SETUSER', 'default', '+xadd')
  }
  await expect.poll(() => said.at(-1), { timeout: 10_000 }).toBe('ready again')
})

it('G-HEALTH-8 lists that what was stored is gone, and stays ready', async () => {
  said.length = 0
  await admin.flushall()
  const gone = async () => (await readiness()).report.red.filter(({ why }) => why.startsWith('what was stored is gone'))
  await expect.poll(gone, { timeout: 10_000 }).toHaveLength(1)
  const status = async () => (await (await fetch(`${server.url}/v1/status`)).json()) as StatusAnswer
  await expect
    .poll(async () => (await status()).findings.map(({ code }) => code), { timeout: 10_000 })
    .toContain('data-gone')
  await expect.poll(async () => (await readiness()).report, { timeout: 10_000 }).toMatchObject({ ready: true })
  expect(said.filter((line) => line.startsWith('what was stored is gone'))).toHaveLength(1)
})
