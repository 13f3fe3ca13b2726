import { createClient } from '@tidegate/client/node'
import { LIMITS } from '@tidegate/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { partitionOf, RecordBatchBuilder } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { defineConfig, topic } from '../../src/index.ts'
import type { Defect } from '../../src/observability/defects.ts'
import { startWorker } from '../../src/worker-app.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const open = topic('open.thing', { schema: z.looseObject({ id: z.string() }), key: 'id' })
const fragile = topic('fragile.thing', {
  schema: z.object({ id: z.string(), lane: z.boolean() }).refine(({ id }) => {
    if (id === 'validate') throw new Error('secret of a schema')
    return true
  }),
  key: 'id',
  priority: 'low',
})
const kept = open.filter(() => true).to('open.kept', { version: 1 })
const { contract } = defineConfig({ topics: [open, fragile, kept] })

const PARTITIONS = 4
/** JSON that overflows the stack of whoever walks it by recursion. */
const DEEP_ARRAYS = '['.repeat(5_000) + ']'.repeat(5_000)
const DEEP_OBJECTS = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
const nested = (depth: number): string => (depth === 0 ? '1' : `{"a":${nested(depth - 1)}}`)

const server = await useGateway(contract)
const redis = await useConnection(server.redis.url)

beforeEach(() => {
  ;(server.defects as Defect[]).length = 0
})

async function isWell(): Promise<void> {
  const client = createClient({ url: server.url })
  await client.publish('open.thing', { data: { id: 'well' } })
  await client.close({ deadlineMs: 1_000 })
}

const post = async (body: string) => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body })
  return (await response.json()) as { rejected?: { code: string; message: string }[]; error?: { code: string } }
}

describe('depth', () => {
  it('I-DEPTH-1 data that nests deeper than the limit is refused, on sockets and over HTTP', async () => {
    const client = await RawClient.greeted(server.port)
    for (const [seq, deep] of [DEEP_ARRAYS, DEEP_OBJECTS, nested(LIMITS.dataDepth)].entries()) {
      const event = `{"data":{"id":"d","x":${deep}}}`
      client.sendRaw(`{"type":"publish","seq":${seq},"topic":"open.thing","events":[${event},{"data":{"id":"ok"}}]}`)
      expect(await client.next('ack')).toMatchObject({ seq, rejected: [{ index: 0, code: 'invalid_data' }] })
      expect(await post(`{"topic":"open.thing",${event.slice(1)}`)).toMatchObject({
        rejected: [{ code: 'invalid_data' }],
      })
    }
    client.sendRaw(
      `{"type":"publish","seq":9,"topic":"open.thing","events":[{"data":{"id":"d","x":${nested(LIMITS.dataDepth - 1)}}}]}`,
    )
    expect(await client.next('ack')).not.toHaveProperty('rejected')
    expect(server.defects).toEqual([])
    client.close()
  })

  it('G-BOUND-1 deep JSON anywhere in a frame or body is answered, and the gateway serves on', async () => {
    for (const deep of [DEEP_ARRAYS, DEEP_OBJECTS]) {
      const client = await RawClient.greeted(server.port)
      const frames = [
        ...['keys', 'where', 'lanes', 'batch', 'onSlow', 'maxRate', 'from', 'snapshot', 'other'].map(
          (name) => `{"type":"subscribe","sub":1,"topic":"open.thing","${name}":${deep}}`,
        ),
        `{"type":"subscribe","sub":2,"topic":"open.thing","from":{"positions":{"open.thing":{"low":${deep}}}}}`,
        ...['id', 'time', 'source', 'data', 'other'].map(
          (name) => `{"type":"publish","seq":1,"topic":"open.thing","events":[{"data":{"id":"x"},"${name}":${deep}}]}`,
        ),
        ...['sub', 'topic', 'after', 'upTo', 'keys', 'where', 'limit', 'name', 'key', 'partition'].flatMap((param) =>
          ['ledger', 'history', 'gap', 'window', 'topics'].map(
            (name) => `{"type":"query","id":1,"name":"${name}","params":{"topic":"open.thing","${param}":${deep}}}`,
          ),
        ),
        `{"type":"query","id":1,"name":"ledger","params":{"sub":{"toString":1}}}`,
        `{"type":"query","id":1,"name":"history","params":{"__proto__":${deep},"topic":"open.thing"}}`,
        `{"type":"publish","seq":2,"topic":"open.thing","events":[{"data":{"id":"p","__proto__":{"toString":1}}}]}`,
      ]
      for (const frame of frames) client.sendRaw(frame)
      client.sendRaw('{"type":"query","id":77,"name":"topics"}')
      await expect.poll(() => client.frames.some(({ id }) => id === 77), { timeout: 5_000 }).toBe(true)
      client.close()
      const stranger = await RawClient.connect(server.port)
      stranger.sendRaw(`{"type":"hello","protocol":1,"client":"x","epochs":${deep},"token":${deep}}`)
      await stranger.closed
      for (const body of [deep, `[${deep}]`, `{"topic":${deep},"data":{}}`, `{"topic":"open.thing","id":${deep}}`]) {
        await post(body)
      }
    }
    expect(server.defects).toEqual([])
    await isWell()
  })
})

describe('what is thrown from inside', () => {
  it('G-BOUND-1 G-INTERNAL-1 by a schema, rejects that event with an id that the log has too', async () => {
    const client = await RawClient.greeted(server.port)
    const events = [{ data: { id: 'good', lane: false } }, { data: { id: 'validate', lane: false } }]
    client.send({ type: 'publish', seq: 1, topic: 'fragile.thing', events })
    const { rejected } = (await client.next('ack')) as unknown as { rejected: { code: string; message: string }[] }
    expect(rejected).toMatchObject([{ index: 1, code: 'internal' }])
    expect(JSON.stringify(rejected)).not.toContain('secret')
    expect(server.defects).toHaveLength(1)
    expect(rejected[0]!.message).toContain(server.defects[0]!.id)
    expect(String(server.defects[0]!.error)).toContain('secret of a schema')
    const overHttp = await post(JSON.stringify({ topic: 'fragile.thing', ...events[1] }))
    expect(overHttp.rejected).toMatchObject([{ code: 'internal' }])
    expect(overHttp.rejected![0]!.message).toContain(server.defects[1]!.id)
    client.close()
    await isWell()
  })

  it('G-BOUND-2 on the way to one subscriber, ends that connection alone', async () => {
    const filtering = await RawClient.greeted(server.port)
    const other = await RawClient.greeted(server.port)
    filtering.send({ type: 'subscribe', sub: 1, topic: 'fragile.thing', where: 'data.lane == true' })
    other.send({ type: 'subscribe', sub: 1, topic: 'open.thing' })
    await Promise.all([filtering.next('subscribed'), other.next('subscribed')])
    await store('fragile.thing', 'x', '{"id":"x","key":"x","time":1,"data":{"lane":tru}}')
    expect(await filtering.closed).toMatchObject({ code: 1011 })
    expect(filtering.frames.find(({ type }) => type === 'error')).toMatchObject({ code: 'internal' })
    expect(server.defects).toHaveLength(1)
    await isWell()
    await other.next('batch')
    other.close()
  })

  it('G-BOUND-2 by a replay, ends that connection alone', async () => {
    await store('fragile.thing', 'x', '{"id":"x","key":"x","time":1,"data":{"lane":tru}}')
    const client = await RawClient.greeted(server.port)
    client.send({ type: 'subscribe', sub: 1, topic: 'fragile.thing', where: 'data.lane == true', from: 'earliest' })
    expect(await client.closed).toMatchObject({ code: 1011 })
    await isWell()
  })

  it('G-INTERNAL-1 by a query, is answered with an id over HTTP and on the socket, and nothing of the cause', async () => {
    const partition = partitionOf('x', PARTITIONS)
    const log = keys.log(partition, 'open.kept')
    await redis.del(log)
    await redis.set(log, 'a secret of another application')
    const response = await fetch(`${server.url}/v1/history?topic=open.kept&partition=${partition}`)
    const client = await RawClient.greeted(server.port)
    client.send({ type: 'query', id: 5, name: 'history', params: { topic: 'open.kept', partition } })
    const error = await client.next('error')
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(server.defects).toHaveLength(2)
    expect(text).toContain(server.defects[0]!.id)
    expect(error).toMatchObject({ id: 5, code: 'internal', message: expect.stringContaining(server.defects[1]!.id) })
    expect(text + JSON.stringify(error)).not.toMatch(/secret|WRONGTYPE|kind of value/i)
    await redis.del(log)
    client.close()
  })
})

describe('workers', () => {
  it('W-DEPTH-1 a stored event that is too deep is put aside, and those behind it are folded', async () => {
    await store('open.thing', 'deep', `{"id":"1","key":"deep","time":1,"data":{"id":"deep","x":${DEEP_ARRAYS}}}`)
    await store('open.thing', 'deep', '{"id":"2","key":"deep","time":2,"data":{"id":"deep"}}')
    const settings = { redisUrl: server.redis.url, partitions: PARTITIONS, workerId: 'w', log: () => {} }
    const worker = await startWorker(settings, contract)
    const partition = partitionOf('deep', PARTITIONS)
    const read = async (name: string) => (await redis.xrange(keys.log(partition, name), '-', '+')).map(String).join()
    await expect.poll(() => read('open.kept'), { timeout: 8_000 }).toContain('"id":"2"')
    const letters = await read('open.thing~dead')
    expect(letters).toContain('"id":"1"')
    expect(letters).toContain('deeper than')
    await worker.close({ deadlineMs: 2_000 })
  })
})

/** Adds an entry as an append would, with JSON that no gateway would take. */
async function store(name: string, key: string, json: string): Promise<void> {
  const partition = partitionOf(key, PARTITIONS)
  const batch = new RecordBatchBuilder()
  batch.addSlice([{ key, lane: 'low', time: 1, json }])
  const { header, payload } = batch.build()
  const epoch = (await redis.hget(keys.meta(partition), 'epoch'))!
  await redis.xadd(keys.log(partition, name), '*', 'e', epoch, 'h', header, 'd', payload)
}
