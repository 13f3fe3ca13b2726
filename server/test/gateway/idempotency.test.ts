import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { SourceTopic } from '../../src/config/contract/model.ts'
import { contract, readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const PARTITIONS = 4
const { maxFutureMs } = contract.topics.get('sensor.reading') as SourceTopic
const server = await useGateway()
const redis = await useConnection(server.redis.url)

async function post(key: string, body: unknown) {
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Ids stored under a prefix. */
async function stored(prefix: string): Promise<string[]> {
  const pages = await Promise.all(
    ['sensor.reading', 'commerce.payment_received'].flatMap((topic) =>
      [0, 1, 2, 3].map(async (p) => {
        const page = await fetch(`${server.url}/v1/history?topic=${topic}&partition=${p}&limit=1000`)
        return ((await page.json()) as { events: { id: string }[] }).events.map(({ id }) => id)
      }),
    ),
  )
  return pages
    .flat()
    .filter((id) => id.startsWith(prefix))
    .sort()
}

const reading = (id: string, key: string, over: object = {}) => ({
  topic: 'sensor.reading',
  id,
  ...readingOf(key),
  ...over,
})
const payment = (id: string) => ({
  topic: 'commerce.payment_received',
  id,
  data: { paymentId: id, orderId: 'o-1', amount: 1, currency: 'EUR' },
})
/** A key of each partition. */
const KEYS = Array.from({ length: PARTITIONS }, (_, p) => {
  for (let i = 0; ; i++) if (partitionOf(`s-${i}`, PARTITIONS) === p) return `s-${i}`
})

test('G-PUBLISH-4 other content under the same key is a conflict, whatever partitions and topics it is for', async () => {
  await post('k-1', reading('one-0', KEYS[0]!))
  const others = [
    ...KEYS.map((key, i) => reading(`one-other-${i}`, key)),
    payment('one-payment'),
    [reading('one-0', KEYS[0]!), payment('one-with')],
  ]
  for (const other of others) {
    expect(await post('k-1', other)).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } })
  }
  expect(await stored('one-')).toEqual(['one-0'])
})

test('G-PUBLISH-4 what an attempt that broke off left out is added, and nothing twice', async () => {
  const body = [...KEYS.map((key, i) => reading(`part-${i}`, key)), payment('part-p')]
  const first = await post('k-2', body)
  expect(first).toMatchObject({ status: 200, body: { accepted: 5, duplicate: false } })
  // As if the gateway had died before these two were stored.
  for (const p of [1, 2]) {
    await redis.del(keys.log(p, 'sensor.reading'))
    await redis.hdel(keys.producersCurrent(p), 'http:k-2:sensor.reading')
  }
  expect(await post('k-2', body)).toMatchObject({ status: 200, body: { accepted: 5, duplicate: false } })
  expect(await post('k-2', body)).toMatchObject({ status: 200, body: { accepted: 5, duplicate: true } })
  expect(await stored('part-')).toEqual(['part-0', 'part-1', 'part-2', 'part-3', 'part-p'])
})

test('G-PUBLISH-4 of requests that come together under one key one content wins, and is stored once', async () => {
  const body = (name: string) => [...KEYS.map((key, i) => reading(`race-${name}-${i}`, key)), payment(`race-${name}-p`)]
  const answers = await Promise.all(
    ['a', 'b', 'a', 'b', 'a', 'b'].map(async (name) => ({ name, ...(await post('k-3', body(name))) })),
  )
  const winners = new Set(answers.filter(({ status }) => status === 200).map(({ name }) => name))
  expect(winners.size).toBe(1)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(3)
  const [winner] = winners
  expect(await stored('race-')).toEqual([0, 1, 2, 3, 'p'].map((i) => `race-${winner}-${i}`))
})

test('G-PUBLISH-8 a request is answered as at first, though what was rejected then fits now', async () => {
  const body = [
    reading('late-0', KEYS[0]!),
    reading('late-1', KEYS[1]!, { time: Date.now() + maxFutureMs + 400 }),
    { topic: 'no.such', id: 'late-2', data: {} },
  ]
  const first = await post('k-4', body)
  const rejected = [
    { index: 1, code: 'time_in_future' },
    { index: 2, code: 'unknown_topic' },
  ]
  expect(first).toMatchObject({ status: 200, body: { accepted: 1, rejected, duplicate: false } })
  await sleep(500)
  expect(await post('k-4', body)).toMatchObject({ status: 200, body: { accepted: 1, rejected, duplicate: true } })
  expect(await stored('late-')).toEqual(['late-0'])
})

test('G-PUBLISH-8 a request of which everything was rejected stays rejected', async () => {
  const body = reading('none-0', KEYS[0]!, { time: Date.now() + maxFutureMs + 300 })
  expect(await post('k-5', body)).toMatchObject({ status: 400, body: { accepted: 0 } })
  await sleep(400)
  expect(await post('k-5', body)).toMatchObject({ status: 400, body: { rejected: [{ code: 'time_in_future' }] } })
  expect(await stored('none-')).toEqual([])
})
