import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { LogFollower } from '../../src/cli/events/log-follower.ts'
import { COMMAND } from '../../src/package-files.ts'
import { openTestBus } from '../support/bus.ts'
import { runCommand } from '../support/command-line.ts'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const TOPIC = 'sensor.reading'
const server = await useGateway()
const redis = await useConnection(server.redis.url)
beforeEach(() => {
  vi.stubEnv('REDIS_URL', server.redis.url)
})
afterEach(() => vi.unstubAllEnvs())

async function publish(sensorId: string, temperature: number): Promise<void> {
  const body = JSON.stringify({ topic: TOPIC, ...readingOf(sensorId, temperature) })
  const headers = { 'content-type': 'application/json' }
  expect((await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body })).status).toBe(200)
}
interface Line {
  readonly at: string
  readonly key: string
  readonly data: { readonly temperature: number }
}
const temperatures = async (...args: string[]) => {
  const { code, out, err } = await runCommand('tail', TOPIC, '--json', ...args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as Line).data.temperature]))
}

describe('tidegate tail', () => {
  it('X-TAIL-1 X-TAIL-3 shows what is stored, by key, condition, time and number', async () => {
    for (let i = 1; i <= 5; i++) await publish('attic', i)
    await publish('cellar', 9)
    expect((await temperatures('--from', 'beginning', '--no-follow')).sort()).toEqual([1, 2, 3, 4, 5, 9])
    expect(await temperatures('--from', '1h', '--no-follow', '--key', 'attic')).toEqual([1, 2, 3, 4, 5])
    expect(
      await temperatures('--from', '1h', '--no-follow', '--where', 'data.temperature >= 4 && key == "attic"'),
    ).toEqual([4, 5])
    expect(await temperatures('--from', 'beginning', '--key', 'attic', '--limit', '2')).toEqual([1, 2])
    expect(await temperatures('--no-follow')).toEqual([])
    const { out } = await runCommand('tail', TOPIC, '--from', '1h', '--no-follow', '--key', 'cellar')
    expect(out).toMatch(/^\d{4}-\S+Z +\d cellar \{"sensorId":"cellar","temperature":9,"humidity":40\}\n$/)
  })

  it.each([
    [['no.such'], 1, /no topic no\.such\./],
    [['sensor.readin'], 1, /Did you mean "sensor\.reading"\?/],
    [[], 2, /^say one topic/],
    [[TOPIC, '--where', 'data.'], 2, /^--where: /],
    [[TOPIC, '--limit', '0'], 2, /^--limit: /],
    [[TOPIC, '--from', 'soon'], 2, /^--from soon: /],
  ])('X-TAIL-1 %j - ends with %i and says why', async (args, code, err) => {
    expect(await runCommand('tail', ...args)).toMatchObject({ code, err: expect.stringMatching(err) })
  })

  it('X-TAIL-1 X-TAIL-3 follows what comes, until Ctrl-C', async () => {
    const child = spawn(process.execPath, [COMMAND, 'tail', TOPIC, '--json', '--from', 'beginning'], {
      env: { ...process.env, REDIS_URL: server.redis.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    await expect.poll(() => out.split('\n').length - 1, { timeout: 20_000 }).toBe(6)
    await publish('attic', 6)
    await expect.poll(() => out).toMatch(/"temperature":6/)
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([130, null])
  })

  it('X-TAIL-2 says what retention has removed', async () => {
    const partition = partitionOf('attic', 4)
    const ids = (await redis.xrange(keys.log(partition, TOPIC), '-', '+')).map(([id]) => id)
    await redis.xdel(keys.log(partition, TOPIC), ids[0]!, ids[1]!)
    await redis.hset(keys.meta(partition), `trim:${TOPIC}`, ids[1]!)
    const args = ['tail', TOPIC, '--key', 'attic', '--from', '1h', '--no-follow']
    const { out, err } = await runCommand(...args)
    expect(out.split('\n').filter((line) => line !== '')).toHaveLength(ids.length - 2)
    expect(err).toMatch(
      new RegExp(`^gap: partition ${partition}: what was stored from \\S+Z to \\S+Z was removed by retention\\n$`),
    )
    const json = (await runCommand(...args, '--json')).out
    expect(JSON.parse(json.split('\n')[0]!)).toEqual({
      gap: { partition, reason: 'trimmed', after: expect.any(String), to: ids[1] },
    })
    expect((await runCommand('tail', TOPIC, '--key', 'attic', '--from', 'beginning', '--no-follow')).err).toBe('')
  })
})

describe('LogFollower', () => {
  it('X-TAIL-2 tells of a new epoch and of a record batch that nobody can read, and continues', async () => {
    const partition = partitionOf('attic', 4)
    const bus = await openTestBus(server.redis.url, 4)
    try {
      const follower = new LogFollower(bus, TOPIC, partition, () => true)
      await follower.start('end')
      const epoch = await redis.hget(keys.meta(partition), 'epoch')
      await redis.hset(keys.meta(partition), 'epoch', 'another')
      expect(await follower.next()).toMatchObject({ events: [], gaps: [{ reason: 'epoch' }] })
      await redis.hset(keys.meta(partition), 'epoch', epoch!)
      expect((await follower.next()).gaps).toHaveLength(1)
      const id = await redis.xadd(keys.log(partition, TOPIC), '*', 'e', epoch!, 'h', 'nonsense', 'd', '{}')
      await publish('attic', 30)
      const page = await follower.next()
      expect(page.gaps).toMatchObject([{ reason: 'unreadable', to: id }])
      expect(page.events.map(({ data }) => data)).toMatchObject([{ temperature: 30 }])
    } finally {
      bus.close()
    }
  })
})
