import { beforeEach, expect, test } from 'vitest'
import { Rights } from '../../src/access/index.ts'
import { decodeEvents, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { SourceTopic } from '../../src/config/contract/model.ts'
import { Ingest, Producer, type PublishOutcome, type PublishRequest } from '../../src/ingest/index.ts'
import { logOf } from '../support/bus.ts'
import { contract, readingOf } from '../support/contract.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 4
const GENERATION_MS = 60
const MAX_FUTURE_MS = (contract.topics.get('sensor.reading') as SourceTopic).maxFutureMs
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
let now: number
let ingest: Ingest

beforeEach(() => {
  now = 1_732_350_000_000
  ingest = createIngest({})
})

function createIngest(limits: { producerMemoryMs?: number }): Ingest {
  return new Ingest({
    bus: opened.bus,
    contract,
    clock: { now: () => now },
    report: () => 'defect',
    known: () => [],
    limits,
  })
}

function publish(events: readonly unknown[], producer: PublishRequest['producer'], over: Partial<PublishRequest> = {}) {
  return new Promise<PublishOutcome>((resolve) =>
    ingest.publish(
      { rights: Rights.EVERYTHING, topic: 'sensor.reading', events, ...(producer && { producer }), ...over },
      resolve,
    ),
  )
}

async function stored() {
  const pages = Array.from({ length: PARTITIONS }, async (_, p) =>
    (await logOf(redis, p).range('sensor.reading', '-', '+', 1_000)).flatMap((entry) => decodeEvents(entry.payload)),
  )
  return (await Promise.all(pages)).flat()
}

/** A key of each partition. */
const KEYS = Array.from({ length: PARTITIONS }, (_, p) => {
  for (let i = 0; ; i++) if (partitionOf(`s-${i}`, PARTITIONS) === p) return `s-${i}`
})

test('I-CONTENT-1 the same data with another id, time or source is another event', async () => {
  const event = { id: 'e-1', time: 1, source: 'a', ...readingOf(KEYS[0]!) }
  await publish([event], { state: new Producer('p', 1), seq: 1 })
  for (const change of [{ id: 'e-2' }, { time: 2 }, { source: 'b' }]) {
    expect(await publish([{ ...event, ...change }], { state: new Producer('p', 2), seq: 1, ageMs: 5 })).toMatchObject({
      code: 'conflict',
    })
  }
  expect(await publish([event], { state: new Producer('p', 2), seq: 1, ageMs: 5 })).toMatchObject({ duplicate: true })
})

test('I-CONTENT-1 what the gateway stamps is no content', async () => {
  await publish([readingOf(KEYS[0]!)], { state: new Producer('p', 1), seq: 1 })
  now += 1_000
  expect(await publish([readingOf(KEYS[0]!)], { state: new Producer('p', 2), seq: 1, ageMs: 5 })).toMatchObject({
    duplicate: true,
  })
})

test('I-CONTENT-2 a frame is compared as a whole: other events beside the same one are other content', async () => {
  await publish(
    [KEYS[0]!, KEYS[1]!].map((key) => readingOf(key)),
    { state: new Producer('p', 1), seq: 1 },
  )
  const other = [KEYS[0]!, KEYS[2]!].map((key) => readingOf(key))
  expect(await publish(other, { state: new Producer('p', 2), seq: 1, ageMs: 5 })).toMatchObject({ code: 'conflict' })
})

for (const [where, key] of [
  ['of the same partition', KEYS[0]!],
  ['of another partition', KEYS[1]!],
] as const) {
  test(`I-REFUSED-1 an event ${where} that was refused at first stays so when its frame comes again and it fits`, async () => {
    const events = [readingOf(KEYS[0]!), { time: now + MAX_FUTURE_MS + 5, ...readingOf(key) }]
    const first = await publish(events, { state: new Producer('p', 1), seq: 1 })
    expect(first).toMatchObject({ kind: 'ack', duplicate: false, rejected: [{ index: 1, code: 'time_in_future' }] })
    await publish([readingOf(KEYS[0]!, 2)], { state: new Producer('p', 1), seq: 2 })
    now += 1_000
    const again = await publish(events, { state: new Producer('p', 2), seq: 1, ageMs: 1_000 })
    expect(again).toMatchObject({ kind: 'ack', duplicate: true, rejected: [{ index: 1, code: 'time_in_future' }] })
    expect(await stored()).toHaveLength(2)
  })
}

test('I-REFUSED-1 an event that was accepted at first is acknowledged again though it no longer fits', async () => {
  const event = { time: now + MAX_FUTURE_MS, ...readingOf(KEYS[0]!) }
  await publish([event], { state: new Producer('p', 1), seq: 1 })
  now -= 1_000
  expect(await publish([event], { state: new Producer('p', 2), seq: 1, ageMs: 9 })).toMatchObject({
    kind: 'ack',
    rejected: [],
    duplicate: true,
  })
})

test('I-REFUSED-2 what the client says was refused is not stored, and keeps its code', async () => {
  const events = [readingOf(KEYS[0]!), readingOf(KEYS[1]!)]
  const refusedBefore = new Map([[1, 'time_in_future' as const]])
  const outcome = await publish(events, { state: new Producer('p', 1), seq: 1, ageMs: 9 }, { refusedBefore })
  expect(outcome).toMatchObject({ rejected: [{ index: 1, code: 'time_in_future' }] })
  expect((await stored()).map(({ key }) => key)).toEqual([KEYS[0]])
})

test('I-APPEND-9 a partition that a producer uses more rarely than it is remembered takes its next event', async () => {
  ingest = createIngest({ producerMemoryMs: GENERATION_MS })
  const state = new Producer('p', 1, [], '1000')
  let seq = 0
  for (let round = 1; round <= 4; round++) {
    expect(await publish([readingOf(KEYS[0]!, round)], { state, seq: ++seq })).toMatchObject({ kind: 'ack' })
    // Two generations of other producers pass.
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, GENERATION_MS + 5))
      await publish([readingOf(KEYS[0]!)], { state: new Producer(`other-${round}-${i}`, 1), seq: 1 })
      await publish([readingOf(KEYS[1]!)], { state, seq: ++seq })
    }
    expect(await redis.hexists(keys.producersCurrent(0), 'p')).toBe(0)
    expect(await redis.hexists(keys.producersPrevious(0), 'p')).toBe(0)
  }
  expect((await stored()).filter(({ key }) => key === KEYS[0])).toHaveLength(4 + 12)
})
