import { createClient, type TidegateClient } from '@tidegate/client/node'
import { describe, expect, it } from 'vitest'
import type { SourceTopic } from '../../src/config/contract/model.ts'
import { contract, readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const { maxFutureMs } = contract.topics.get('sensor.reading') as SourceTopic
const server = await useGateway()
const redis = await useConnection(server.redis.url)

/** Ids stored under a prefix, in no order. */
async function stored(prefix: string): Promise<string[]> {
  const pages = await Promise.all(
    [0, 1, 2, 3].map((p) => fetch(`${server.url}/v1/history?topic=sensor.reading&partition=${p}&limit=1000`)),
  )
  const bodies = (await Promise.all(pages.map((page) => page.json()))) as { events: { id: string }[] }[]
  return bodies.flatMap(({ events }) => events.map(({ id }) => id)).filter((id) => id.startsWith(prefix))
}

const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
const publishAll = (client: TidegateClient, events: readonly string[]) =>
  Promise.all(events.map((id, i) => client.publish('sensor.reading', { id, ...readingOf(`s-${i % 3}`) })))

describe('a producer that is used again', () => {
  it('G-PRODUCER-1 C-SEQ-2 a later client of the same producer counts anew, and all of its events are stored', async () => {
    const first = createClient({ url: server.url, producer: 'device-7' })
    await publishAll(first, ids('again-a', 5))
    await first.close({ deadlineMs: 1_000 })
    const second = createClient({ url: server.url, producer: 'device-7' })
    const receipts = await publishAll(second, ids('again-b', 7))
    expect(receipts.filter(({ duplicate }) => duplicate)).toEqual([])
    await second.close({ deadlineMs: 1_000 })
    expect((await stored('again-')).sort()).toEqual([...ids('again-a', 5), ...ids('again-b', 7)])
  })

  it('G-PRODUCER-2 of two that live the later one publishes, and the other is told', async () => {
    const [first, second] = [1, 2].map(() => createClient({ url: server.url, producer: 'device-8' })) as [
      TidegateClient,
      TidegateClient,
    ]
    await publishAll(first, ids('both-a', 3))
    await publishAll(second, ids('both-b', 3))
    await expect(first.publish('sensor.reading', { id: 'both-late', ...readingOf('s-0') })).rejects.toMatchObject({
      code: 'fenced',
      retryable: false,
    })
    const third = createClient({ url: server.url, producer: 'device-8' })
    await publishAll(third, ids('both-c', 3))
    await expect(second.publish('sensor.reading', readingOf('s-0'))).rejects.toMatchObject({ code: 'fenced' })
    for (const client of [first, second, third]) await client.close({ deadlineMs: 1_000 })
    expect((await stored('both-')).sort()).toEqual([...ids('both-a', 3), ...ids('both-b', 3), ...ids('both-c', 3)])
  })

  it('G-PRODUCER-3 a client by hand that counts anew without saying so is refused, and nothing is absorbed', async () => {
    const first = await RawClient.greeted(server.port, { producer: 'hand-1', session: 1 })
    const send = (client: RawClient, seq: number, id: string, over: object = {}) =>
      client.send({ type: 'publish', seq, topic: 'sensor.reading', events: [{ id, ...readingOf('s-0') }], ...over })
    for (let seq = 1; seq <= 5; seq++) {
      send(first, seq, `hand-a${seq}`)
      await first.next('ack')
    }
    first.close()
    const again = await RawClient.greeted(server.port, { producer: 'hand-1', session: 2 })
    for (let seq = 1; seq <= 4; seq++) {
      send(again, seq, `hand-b${seq}`)
      const reject = await again.next('reject')
      expect(reject).toMatchObject({ seq, code: 'conflict' })
      expect(reject.message).toContain('sequence')
      expect(reject).not.toHaveProperty('retryAfterMs')
    }
    // What it was not answered comes again as it was.
    send(again, 5, 'hand-a5', { ageMs: 100 })
    expect(await again.next('ack')).toMatchObject({ seq: 5, duplicate: true })
    again.close()
    const anew = await RawClient.connect(server.port)
    anew.send({ type: 'hello', protocol: 1, client: 'test', producer: 'hand-1', session: 3, sequence: 'new' })
    const { sequence } = await anew.next('welcome')
    expect(sequence).toMatch(/^\d{1,15}$/)
    for (let seq = 1; seq <= 3; seq++) {
      send(anew, seq, `hand-b${seq}`)
      expect(await anew.next('ack')).not.toHaveProperty('duplicate')
    }
    anew.close()
    const resumed = await RawClient.connect(server.port)
    resumed.send({ type: 'hello', protocol: 1, client: 'test', producer: 'hand-1', session: 4, sequence })
    expect(await resumed.next('welcome')).toMatchObject({ sequence })
    send(resumed, 3, 'hand-b3', { ageMs: 10 })
    expect(await resumed.next('ack')).toMatchObject({ seq: 3, duplicate: true })
    resumed.close()
    expect((await stored('hand-')).sort()).toEqual([
      ...Array.from({ length: 5 }, (_, i) => `hand-a${i + 1}`),
      ...Array.from({ length: 3 }, (_, i) => `hand-b${i + 1}`),
    ])
  })

  it('G-PRODUCER-1 a client that starts again with its clock set back is not fenced: its sequence is new', async () => {
    const event = (id: string) => ({
      type: 'publish',
      seq: 1,
      topic: 'sensor.reading',
      events: [{ id, ...readingOf('s-0') }],
    })
    for (const [id, session] of [
      ['clock-a', Date.now()],
      ['clock-b', Date.now() - 3_600_000],
    ] as const) {
      const client = await RawClient.greeted(server.port, { producer: 'clock-1', session, sequence: 'new' })
      client.send(event(id))
      expect(await client.next('ack')).not.toHaveProperty('duplicate')
      client.close()
    }
    expect((await stored('clock-')).sort()).toEqual(['clock-a', 'clock-b'])
  })

  it('G-PRODUCER-4 is never that of a request, whatever a client calls itself', async () => {
    const event = { topic: 'sensor.reading', id: 'name-http', ...readingOf('s-0') }
    for (const producer of ['http:order-1:sensor.reading', 'http:order-1:', 'ws:http:order-1:']) {
      const client = await RawClient.greeted(server.port, { producer, session: 5 })
      client.send({
        type: 'publish',
        seq: 1,
        topic: 'sensor.reading',
        events: [{ id: `name-${producer}`, ...readingOf('s-0') }],
      })
      expect(await client.next('ack')).not.toHaveProperty('duplicate')
      client.close()
    }
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'order-1' }
    const response = await fetch(`${server.url}/v1/events`, { method: 'POST', body: JSON.stringify(event), headers })
    expect([response.status, await response.json()]).toEqual([
      200,
      expect.not.objectContaining({ error: expect.anything() }),
    ])
    expect(await stored('name-')).toHaveLength(4)
  })

  it('C-KEEP-4 what was refused at first is not stored when a lost frame is sent again and it fits', async () => {
    const client = createClient({ url: server.url, producer: 'device-9' })
    const { rejected } = await client.publish('sensor.reading', [
      { id: 'lost-a', ...readingOf('s-0') },
      { id: 'lost-b', time: Date.now() + maxFutureMs + 300, ...readingOf('s-1') },
    ])
    expect(rejected).toMatchObject([{ index: 1, code: 'time_in_future' }])
    await new Promise((resolve) => setTimeout(resolve, 500))
    await redis.flushall()
    await expect.poll(() => stored('lost-'), { timeout: 5_000 }).toEqual(['lost-a'])
    await client.publish('sensor.reading', { id: 'lost-c', ...readingOf('s-1') })
    expect((await stored('lost-')).sort()).toEqual(['lost-a', 'lost-c'])
    await client.close({ deadlineMs: 1_000 })
  })
})
