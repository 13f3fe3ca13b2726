import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { keys } from '../../src/bus/keys.ts'
import type { DeploymentStatus } from '../../src/cli/deployment/status.ts'
import type { StoredTopic } from '../../src/cli/deployment/topics.ts'
import { rangesText } from '../../src/cli/terminal/units.ts'
import { COMMAND } from '../../src/package-files.ts'
import { startWorker } from '../../src/worker-app.ts'
import { runCommand } from '../support/command-line.ts'
import { contract, readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

process.env.REDIS_URL = ''
const server = await useGateway()
const redis = await useConnection(server.redis.url)
// A Redis without a limit is a warning, which would be in every answer.
await redis.config('SET', 'maxmemory', '1gb', 'aof-load-truncated', 'no')

const tidegate = async (...args: string[]) => {
  process.env.REDIS_URL = server.redis.url
  try {
    return await runCommand(...args)
  } finally {
    process.env.REDIS_URL = ''
  }
}
const status = async () => JSON.parse((await tidegate('status', '--json')).out) as DeploymentStatus
const publish = async (sensorId: string) => {
  const body = JSON.stringify({ topic: 'sensor.reading', ...readingOf(sensorId) })
  const headers = { 'content-type': 'application/json' }
  expect((await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body })).status).toBe(200)
}

describe('without a worker', () => {
  it('X-STATUS-1 X-STATUS-2 X-LAG-1 what is stored waits: everything says so, and ends with 1', async () => {
    for (let i = 0; i < 3; i++) await publish('attic')
    await expect.poll(async () => (await status()).gateways.length).toBe(1)
    const { code, out } = await tidegate('status')
    expect(code).toBe(1)
    expect(out).toMatch(/SOMETHING DOES NOT WORK/)
    expect(out).toMatch(/^No worker\.$/m)
    expect(out.match(/^ +\d +NOBODY /gm)).toHaveLength(4)
    expect(out).toMatch(/^error no-worker: (.*\n)+? {2}-> Start one/m)
    const lag = await tidegate('lag', 'sensor.reading')
    expect(lag.out).toMatch(/^ +\d {2}sensor\.reading +3 +\d\.\d s$/m)
    expect(lag.out).toMatch(/^3 record batches behind, the oldest for \d\.\d s\.$/m)
  })

  it('X-LAG-2 --max ends with 1 where something is further behind', async () => {
    expect((await tidegate('lag', '--max', '1ms')).code).toBe(1)
    expect((await tidegate('lag', '--max', '1h')).code).toBe(0)
    expect(await tidegate('lag', '--max', 'soon')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^--max: "soon" is not a duration/),
    })
  })
})

describe('with a worker', () => {
  it('X-STATUS-1 X-STATUS-2 X-JSON-1 shows who works on what, and slow clients', async () => {
    const worker = await startWorker(
      { redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} },
      contract,
    )
    const slow = await RawClient.greeted(server.port, { windowBytes: 1_024 })
    try {
      slow.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading' })
      await slow.next('subscribed')
      for (let i = 0; i < 60; i++) await publish('attic')
      await expect.poll(async () => (await status()).partitions.every(({ owner }) => owner === 'w-1')).toBe(true)
      await expect.poll(async () => (await status()).gateways[0]?.slow.length).toBe(1)
      await expect.poll(async () => (await status()).workers[0]?.folded.events).toBeGreaterThan(60)
      await expect.poll(async () => (await status()).ok).toBe(true)
      expect((await status()).gateways[0]).not.toHaveProperty('stored')
      const { code, out } = await tidegate('status')
      expect(code).toBe(0)
      expect(out).toMatch(/^\S+Z {2}everything works$/m)
      expect(out).toMatch(/^1 gateways, 1 workers, 4 partitions, contract [0-9a-f]{16}$/m)
      expect(out).toMatch(
        new RegExp(`^gw-test +127\\.0\\.0\\.1:${server.port} +yes +1 +1 +\\S+ K?i?B +1 +closed$`, 'm'),
      )
      expect(out).toMatch(/^w-1 +0-3 +\d+ +0 +0 +\d+ ms +closed$/m)
      expect(out).toMatch(/^ +2 {2}w-1 +0 +0 s +0 +0 B$/m)
      expect(out).toMatch(/^SLOW CLIENT .*\n\S+ +gw-test +sensor\.reading +\d+ +.* credit$/m)
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
      expect((await tidegate('lag')).out).toBe('Nothing is behind in 4 logs.\n')
    } finally {
      slow.close()
      await worker.close({ deadlineMs: 2_000 })
    }
  })
})

describe('tidegate topics', () => {
  it('X-TOPICS-1 X-JSON-1 shows what is stored of each topic of the running config', async () => {
    const { code, out } = await tidegate('topics')
    expect(code).toBe(0)
    expect(out).toMatch(/^sensor\.reading +source +1\/4 +63 +\S+ \S+ +\S+ \S+ +\S+ \S+ +24 h$/m)
    expect(out).toMatch(/^commerce\.payment_received +source +0\/4 +0 +0 B +- +- +24 h$/m)
    const lines = (await tidegate('topics', '--json')).out.trimEnd().split('\n')
    const topics = lines.map((line) => JSON.parse(line) as StoredTopic)
    expect(topics.map(({ topic }) => topic)).toEqual([...contract.topics.keys()])
    expect(topics[0]).toMatchObject({ topic: 'sensor.reading', entries: 63, retentionMs: 86_400_000 })
    const one = await tidegate('topics', 'sensor.reading')
    expect(one.out).toMatch(/^sensor\.reading: source, kept for 24 h\n\nPARTITION .*\n(.*\n){4} +all +63 /)
  })

  it('X-TOPICS-1 one that does not exist ends it with 1, and a similar one is named', async () => {
    expect(await tidegate('topics', 'sensor.readin')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no topic sensor\.readin\. Did you mean "sensor\.reading"\?/),
    })
    expect((await tidegate('lag', 'no.such')).err).toMatch(/nothing is computed from no\.such/)
  })
})

describe('--watch', () => {
  it('X-STATUS-3 shows it again, says when Redis is away, and Ctrl-C ends it', async () => {
    const env = { ...process.env, REDIS_URL: server.redis.url }
    const child = spawn(process.execPath, [COMMAND, 'status', '--watch', '--json'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    const looks = () => out.split('\n').length - 1
    await expect.poll(looks, { timeout: 20_000 }).toBe(1)
    process.kill(server.redis.pid, 'SIGSTOP')
    try {
      await expect.poll(() => err, { timeout: 20_000 }).toMatch(/Redis/)
    } finally {
      process.kill(server.redis.pid, 'SIGCONT')
    }
    const before = looks()
    await expect.poll(looks, { timeout: 20_000 }).toBeGreaterThan(before)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
    expect(() =>
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).not.toThrow()
  })
})

it('G-HEALTH-6 X-STATUS-1 a gateway that stops takes its entry back', async () => {
  expect(await redis.zcard(keys.gateways)).toBe(1)
  await server.gateway.close({ deadlineMs: 0 })
  expect(await redis.zcard(keys.gateways)).toBe(0)
  expect((await tidegate('status')).out).toMatch(/^No gateway\.$/m)
})

it.each([
  [[], ''],
  [[3], '3'],
  [[0, 1, 2, 5, 7, 6], '0-2, 5-7'],
])('rangesText - %j: %s', (numbers, text) => {
  expect(rangesText(numbers)).toBe(text)
})

it.each(['status', 'lag', 'topics'])('%s - without a deployment says how to name one', async (command) => {
  expect(await runCommand(command, '--data', '/no/such')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/REDIS_URL is not set, and no `tidegate start` runs on the data folder \/no\/such/),
  })
})
