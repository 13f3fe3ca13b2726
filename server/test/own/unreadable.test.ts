import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { deadLetterTopic, entityHash, partialsTopic } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { DeadLetters } from '../../src/dead-letters/index.ts'
import { defineConfig, entity, topic } from '../../src/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useBus, useConnection } from '../support/use-redis.ts'

const reading = topic('sensor.reading', { schema: z.object({ id: z.string(), n: z.number() }), key: 'id' })
const doubled = reading.map(({ n }) => ({ n: 2 * n })).to('sensor.doubled', { version: 1 })
const sum = reading.window('sensor.sum', {
  tumbling: '1h',
  groupBy: null,
  emit: { every: '1s' },
  aggregate: { n: { sum: 'n' } },
})
const counter = entity('counter', {
  key: 'id',
  version: 1,
  state: { initial: { n: 0 as number } },
  events: { added: z.object({ n: z.number() }) },
  evolve: { added: (state, { n }) => ({ n: state.n + n }) },
  commands: { add: { input: z.object({ n: z.number() }), decide: (_, { n }) => [{ type: 'added', data: { n } }] } },
})
const { contract } = defineConfig({ topics: [reading, doubled, sum], entities: [counter] })
const server = await useGateway(contract, { partitions: 1 })
const redis = await useConnection(server.redis.url)
const opened = useBus(server.redis, 1)

const logged: string[] = []
const start = () =>
  startWorker(
    {
      redisUrl: server.redis.url,
      partitions: 1,
      workerId: 'w',
      log: (line) => logged.push(line),
      ops: { host: '127.0.0.1', port: 0, hosts: [] },
    },
    contract,
  )

async function call(path: string, body?: unknown) {
  const headers = { 'content-type': 'application/json' }
  const init = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) }
  return (await fetch(server.url + path, init)).json()
}

const publish = (n: number) => call('/v1/events', { topic: 'sensor.reading', data: { id: 'a', n } })
const add = (key: string) => call(`/v1/entities/counter/${key}/add`, { n: 1 })
const doubles = async () => {
  const { events } = await call('/v1/history?topic=sensor.doubled')
  return events.map(({ data }: { data: { n: number } }) => data.n)
}

const HEADERS = ['{', '{"k":["a"],"t":[1],"b":[7],"l":"l","s":[0]}']
const DAMAGED = ['sensor.reading', '~commands', partialsTopic('sensor.sum')]

async function damage(): Promise<void> {
  const epoch = (await redis.hget(keys.meta(0), 'epoch')) ?? '1'
  for (const name of DAMAGED) {
    for (const header of HEADERS) await redis.xadd(keys.log(0, name), '*', 'e', epoch, 'h', header, 'd', '{"id":"e"}')
  }
}

describe('what nobody can read', () => {
  beforeAll(async () => {
    await publish(1)
    await damage()
  })

  it('W-LOOP-10 W-ENTITY-2 ends no owner: everything around it is folded', async () => {
    const worker = await start()
    await expect.poll(doubles).toEqual([2])
    const token = () => redis.hget(keys.meta(0), 'token')
    const owner = await token()
    await damage()
    await publish(10)
    await expect.poll(doubles).toEqual([2, 20])
    expect(await add('x')).toMatchObject({ version: 1 })
    await redis.hset(keys.owned(0, entityHash('counter')), 'broken', '{')
    expect(await add('broken')).toMatchObject({ error: { code: 'handler_failed' } })
    expect(await add('x')).toMatchObject({ version: 2 })
    await expect
      .poll(async () => (await call('/v1/windows/sensor.sum')).results[0]?.data.value, { timeout: 15_000 })
      .toEqual({ n: 11 })
    expect([await token(), await redis.hget(keys.meta(0), 'takes')]).toEqual([owner, '0'])
    for (const name of DAMAGED) {
      expect(logged.filter((line) => line.includes(`of ${name} in partition 0, passed over`)).length).toBeGreaterThan(0)
    }
    await expect
      .poll(async () =>
        Number(
          /^tidegate_unreadable_batches_total (\d+)/m.exec(
            await (await fetch(`http://127.0.0.1:${worker.metricsPort}/metrics`)).text(),
          )?.[1],
        ),
      )
      .toBeGreaterThanOrEqual(2 * DAMAGED.length)
    await worker.close({ deadlineMs: 2_000 })
  })

  it('Q-HISTORY-5 is passed over by history and gap, which are not complete then', async () => {
    const history = await call('/v1/history?topic=sensor.reading')
    expect(history.events.map(({ data }: { data: { n: number } }) => data.n)).toEqual([1, 10])
    expect(history.complete).toBe(false)
    const { at } = history.events[1]
    const gap = await opened.bus.log(0, 'query').page('sensor.reading', '-', 16)
    expect(gap.entries.length).toBe(2 + 2 * HEADERS.length)
    expect(at).toContain(gap.entries.at(-1)!.streamId)
  })

  it('W-LOOP-10 is passed over where dead letters are listed', async () => {
    for (const header of HEADERS) {
      await redis.xadd(keys.log(0, deadLetterTopic('sensor.doubled')), '*', 'e', '1', 'h', header, 'd', '{"id":')
    }
    const unread: string[] = []
    const letters = new DeadLetters({
      ...{ bus: opened.bus, contract },
      onUnreadable: ({ streamId }) => unread.push(streamId),
    })
    for await (const { topic } of letters.batches()) expect.unreachable(topic)
    expect(unread).toHaveLength(2)
  })
})
