import { LIMITS, type LogEpoch } from '@tidegate/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ALL_KEYS, Rights } from '../../src/access/index.ts'
import { BREAKER_LIMITS, CANARY_TOPIC, decodeEvents, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { KeyPattern } from '../../src/config/access/grant.ts'
import type { SourceTopic } from '../../src/config/contract/model.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { Canaries, Ingest, Producer, type PublishOutcome } from '../../src/ingest/index.ts'
import { validateFrame } from '../../src/ingest/validate.ts'
import { logOf, openTestBus } from '../support/bus.ts'
import { contract, readingOf } from '../support/contract.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const NOW = 1_732_350_000_000
const PARTITIONS = 4
const { server, redis } = await useRedis()
// Some tests wait until a deadline of an append is missed.
const opened = useBus(server, PARTITIONS, { deadlinesMs: {} })
let ingest: Ingest

beforeEach(() => {
  ingest = createIngest()
})

function createIngest(onNewEpoch: (at: LogEpoch) => void = () => {}, of = opened.bus): Ingest {
  return new Ingest({
    bus: of,
    contract,
    clock: { now: () => NOW },
    report: () => 'defect',
    known: () => [],
    onNewEpoch,
  })
}

function publish(
  events: readonly unknown[],
  producer?: { state: Producer; seq: number; ageMs: number },
  topic = 'sensor.reading',
) {
  return new Promise<PublishOutcome>((resolve) =>
    ingest.publish({ rights: Rights.EVERYTHING, topic, events, ...(producer && { producer }) }, resolve),
  )
}

/** Waits until Redis answers again. */
async function untilAnswered(): Promise<void> {
  while (!(await redis.ping().catch(() => undefined)));
}

async function stored(topic = 'sensor.reading') {
  const perPartition = await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, p) =>
      (await logOf(redis, p).range(topic, '-', '+', 1_000)).flatMap((e) => decodeEvents(e.payload)),
    ),
  )
  return perPartition.flat()
}

const codes = (outcome: PublishOutcome) =>
  outcome.kind === 'ack' ? outcome.rejected.map((r) => [r.index, r.code, r.path]) : outcome.code

describe('the end of input', () => {
  it('I-END-2 is said only by those who may publish every key', async () => {
    const end = (key: KeyPattern) => {
      const rights = new Rights([{ operation: 'publish', selector: 'sensor.reading', key }])
      return new Promise<PublishOutcome>((resolve) =>
        ingest.publish({ rights, topic: 'sensor.reading', events: [readingOf('s-1')], end: {} }, resolve),
      )
    }
    expect(codes(await end({ kind: 'exact', key: 's-1' }))).toBe('forbidden')
    expect(await stored()).toEqual([])
    expect(await end({ kind: 'all' })).toMatchObject({ kind: 'ack', rejected: [] })
  })
})

describe('validation', () => {
  it('I-VALID-1 stores the good events of a mixed frame and lists the bad ones with index, path and reason', async () => {
    const bad = { data: { sensorId: 's-2', temperature: 'warm', humidity: 1 } }
    const outcome = await publish([
      readingOf('s-1'),
      bad,
      null,
      readingOf('k'.repeat(LIMITS.keyBytes + 1)),
      readingOf('s-3'),
    ])
    expect(codes(outcome)).toEqual([
      [1, 'invalid_data', 'temperature'],
      [2, 'invalid_event', undefined],
      [3, 'key_too_long', 'sensorId'],
    ])
    expect((await stored()).map((e) => e.key).sort()).toEqual(['s-1', 's-3'])
  })

  it('I-VALID-2 refuses times that are no integer or too far ahead, and takes old ones', async () => {
    const at = (time: unknown) => ({ ...readingOf('s-1'), time })
    const outcome = await publish([
      at(NOW + LIMITS.maxFutureMs + 1),
      at(1.5),
      at('now'),
      at(NOW + LIMITS.maxFutureMs),
      at(-1),
    ])
    expect(codes(outcome)).toEqual([
      [0, 'time_in_future', 'time'],
      [1, 'invalid_time', 'time'],
      [2, 'invalid_time', 'time'],
    ])
    expect((await stored()).map((e) => e.time).sort()).toEqual([-1, NOW + LIMITS.maxFutureMs])
  })

  it('I-VALID-2 by default refuses what is 50 s ahead, and else what is further than the topic declares', async () => {
    const [ahead] = codes(await publish([{ ...readingOf('s-1'), time: NOW + 50_000 }]))
    expect(ahead).toEqual([0, 'time_in_future', 'time'])
    const patient = topic('a.patient', { schema: z.object({ k: z.string() }), key: 'k', maxFuture: '2m' })
    const source = defineConfig({ topics: [patient] }).contract.topics.get('a.patient') as SourceTopic
    const events = [120_000, 120_001].map((ms) => ({ time: NOW + ms, data: { k: 'x' } }))
    const { accepted, refused } = validateFrame(source, events, {
      now: NOW,
      scope: ALL_KEYS,
      nextId: () => 'id',
      report: () => 'defect',
    })
    expect(accepted.map(({ time }) => time)).toEqual([NOW + 120_000])
    expect(refused).toMatchObject([{ event: { index: 1, message: '120001 ms ahead of the server, at most 120000' } }])
  })

  it('I-VALID-6 refuses times in other units by name', async () => {
    const outcome = await publish([NOW / 1_000, NOW * 1_000, NOW * 1e6].map((time) => ({ ...readingOf('s-1'), time })))
    expect(outcome.kind === 'ack' && outcome.rejected.map(({ code, message }) => [code, message])).toEqual([
      ['invalid_time', `${NOW / 1_000} looks like seconds; expected milliseconds since 1970`],
      ['invalid_time', `${NOW * 1_000} looks like microseconds; expected milliseconds since 1970`],
      ['invalid_time', `${NOW * 1e6} looks like nanoseconds; expected milliseconds since 1970`],
    ])
  })

  it('I-VALID-4 refuses times that no Date holds', async () => {
    const first = -8_640_000_000_000_000
    const outcome = await publish(
      [first, first - 1, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER].map((time) => ({
        ...readingOf('s-1'),
        time,
      })),
    )
    expect(codes(outcome)).toEqual([1, 2, 3].map((index) => [index, 'invalid_time', 'time']))
    expect((await stored()).map((e) => e.time)).toEqual([first])
  })

  it('I-VALID-3 keeps the first of two events with the same id', async () => {
    const outcome = await publish([
      { id: 'a', ...readingOf('s-1') },
      { id: 'a', ...readingOf('s-2') },
    ])
    expect(codes(outcome)).toEqual([[1, 'duplicate_id', 'id']])
    expect((await stored()).map((e) => e.key)).toEqual(['s-1'])
  })

  it('I-VALID-3 ids of different sources are different', async () => {
    const outcome = await publish([
      { id: 'bc', source: 'a', ...readingOf('s-1') },
      { id: 'c', source: 'ab', ...readingOf('s-1') },
      { id: 'bc', ...readingOf('s-1') },
      { id: 'bc', source: 'a', ...readingOf('s-1') },
    ])
    expect(codes(outcome)).toEqual([[3, 'duplicate_id', 'id']])
  })

  it('I-VALID-5 refuses lone surrogates in what is a name', async () => {
    const outcome = await publish([
      { id: '\ud800', ...readingOf('s-1') },
      { source: 'x\udfff', ...readingOf('s-1') },
      readingOf('\ud800x'),
      readingOf('\ufffdx'),
      readingOf('\ud83d\ude00'),
    ])
    expect(codes(outcome)).toEqual([
      [0, 'invalid_event', 'id'],
      [1, 'invalid_event', 'source'],
      [2, 'invalid_data', 'sensorId'],
    ])
    expect((await stored()).map((e) => e.key).sort()).toEqual(['\ud83d\ude00', '\ufffdx'].sort())
  })

  it('I-STAMP-1 stamps a missing id and time and keeps what was sent', async () => {
    await publish([readingOf('s-1'), { id: 'mine', time: 5, source: 'dev', ...readingOf('s-1') }])
    const [stamped, kept] = await stored()
    expect(stamped).toMatchObject({ time: NOW, id: expect.any(String) })
    expect(kept).toMatchObject({ id: 'mine', time: 5, source: 'dev' })
  })
})

describe('slices', () => {
  it('I-SLICE-1 stores the events of a frame for one partition together, in order, however large', async () => {
    const pad = 'x'.repeat(2_000)
    const events = Array.from({ length: 100 }, (_, i) => ({ id: `${pad}${i}`.slice(-100), ...readingOf('s-1', i) }))
    await publish(events)
    const entries = (
      await Promise.all([0, 1, 2, 3].map((p) => logOf(redis, p).range('sensor.reading', '-', '+', 10)))
    ).flat()
    expect(entries).toHaveLength(1)
    expect(decodeEvents(entries[0]!.payload).map((e) => e.id)).toEqual(events.map((e) => e.id))
  })

  it('I-APPEND-1 merges frames that arrive together into one call per partition, all topics in it', async () => {
    const order = { data: { paymentId: 'p', orderId: 's-1', amount: 1, currency: 'EUR' } }
    const outcomes = await Promise.all([
      publish([readingOf('s-1')]),
      publish([readingOf('s-1')]),
      publish([order], undefined, 'commerce.payment_received'),
    ])
    expect(outcomes.every((o) => o.kind === 'ack')).toBe(true)
    const ids = await Promise.all(
      ['sensor.reading', 'commerce.payment_received'].map(async (topic) =>
        (await Promise.all([0, 1, 2, 3].map((p) => redis.xlen(keys.log(p, topic))))).reduce((a, b) => a + b),
      ),
    )
    expect(ids).toEqual([1, 1])
  })
})

describe('idempotent producers', () => {
  it('I-APPEND-2 acknowledges a repeated frame with its position, marked duplicate', async () => {
    const state = new Producer('p', 1)
    const first = await publish([readingOf('s-1')], { state, seq: 1, ageMs: 0 })
    const again = await publish([readingOf('s-1')], { state: new Producer('p', 2), seq: 1, ageMs: 0 })
    expect(again).toEqual({ ...first, duplicate: true })
    expect(await stored()).toHaveLength(1)
  })

  it('I-APPEND-3 I-APPEND-4 I-APPEND-7 stores exactly what is missing when a failed frame and its successors come again', async () => {
    const state = new Producer('p', 1)
    const frame = (seq: number) =>
      publish([readingOf('s-1', seq), readingOf('s-2', seq), readingOf('s-3', seq)], { state, seq, ageMs: 0 })
    expect((await frame(1)).kind).toBe('ack')
    await redis.client('PAUSE', 500, 'ALL')
    const failed = await frame(2)
    expect(failed).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) })
    expect(await frame(3)).toMatchObject({ code: 'out_of_order', retryAfterMs: 0 })
    await untilAnswered()
    await new Promise((resolve) => setTimeout(resolve, BREAKER_LIMITS.resetMs))
    expect((await frame(2)).kind).toBe('ack')
    expect((await frame(3)).kind).toBe('ack')
    const seen = (await stored()).map((e) => `${e.key} ${(e.data as { temperature: number }).temperature}`).sort()
    expect(seen).toEqual(['s-1', 's-2', 's-3'].flatMap((key) => [1, 2, 3].map((seq) => `${key} ${seq}`)))
  })
})

describe('overload', () => {
  it('I-APPEND-5 rejects at once while the breaker is open', async () => {
    await redis.client('PAUSE', 1_200, 'ALL')
    for (let i = 0; i < 3; i++) await publish([readingOf('s-1')])
    // Less than half of the deadline of an append.
    const startedAt = performance.now()
    expect(await publish([readingOf('s-1')])).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) })
    expect(performance.now() - startedAt).toBeLessThan(90)
    await untilAnswered()
  })

  it('I-APPEND-6 bounds the bytes that wait for one partition', async () => {
    // Megabytes at once: how long that takes on a busy machine is not the question.
    const patient = await openTestBus(server.url, PARTITIONS, { deadlinesMs: { append: 5_000 } })
    ingest = createIngest(undefined, patient)
    const big = () => ({ data: { paymentId: 'x'.repeat(60_000), orderId: 'o', amount: 1, currency: 'EUR' } })
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, () => publish(Array.from({ length: 8 }, big), undefined, 'commerce.payment_received')),
    )
    const rejected = outcomes.filter((o) => o.kind === 'reject')
    expect(rejected.length).toBeGreaterThan(0)
    expect(await stored('commerce.payment_received')).toHaveLength((12 - rejected.length) * 8)
    patient.close()
  })
})

describe('epochs', () => {
  const partition = partitionOf('s-1', PARTITIONS)
  /** What Redis has of the partition. The result brings that back, under another epoch. */
  async function remember(): Promise<() => Promise<void>> {
    const dumps = await Promise.all(
      [keys.log(partition, 'sensor.reading'), keys.producersCurrent(partition)].map(
        async (key) => [key, await redis.dumpBuffer(key)] as const,
      ),
    )
    return async () => {
      for (const [key, dump] of dumps) {
        if (dump === null) await redis.del(key)
        else await redis.restore(key, 0, dump, 'REPLACE')
      }
      await redis.hset(keys.meta(partition), { lineage: 'another:one', epoch: 'new' })
    }
  }
  const temperatures = async () => (await stored()).map(({ data }) => (data as { temperature: number }).temperature)

  it('I-EPOCH-1 what was lost is stored before anything that comes after it', async () => {
    const epochs: LogEpoch[] = []
    ingest = createIngest((at) => epochs.push(at))
    const state = new Producer('p', 1)
    const frame = (seq: number) => publish([readingOf('s-1', seq)], { state, seq, ageMs: 0 })
    for (const seq of [1, 2]) expect(await frame(seq)).toMatchObject({ kind: 'ack' })
    const lose = await remember()
    for (const seq of [3, 4]) expect(await frame(seq)).toMatchObject({ kind: 'ack' })
    await lose()
    const both = await Promise.all([frame(5), frame(6)])
    const epoch = { partition, epoch: 'new' }
    expect(both[0]).toMatchObject({ code: 'epoch_changed', retryAfterMs: 0, epochs: [epoch] })
    expect(both[1]).toMatchObject({ code: 'epoch_changed' })
    expect(epochs).toEqual([epoch])
    expect(await frame(7)).toMatchObject({ code: 'out_of_order' })
    expect(await temperatures()).toEqual([1, 2])
    expect(await frame(2)).toMatchObject({ kind: 'ack', duplicate: true })
    const again = await Promise.all([3, 4, 5, 6, 7].map(frame))
    expect(again.map((outcome) => outcome.kind === 'ack' && outcome.duplicate)).toEqual(Array(5).fill(false))
    expect(await temperatures()).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('I-EPOCH-1 a new session says under which epochs it was acknowledged', async () => {
    const before = new Producer('p', 1)
    const lose = await remember()
    await publish([readingOf('s-1', 1)], { state: before, seq: 1, ageMs: 0 })
    await lose()
    const state = new Producer('p', 2, [{ partition, epoch: before.epochOn(partition)! }])
    const frame = (seq: number) => publish([readingOf('s-1', seq)], { state, seq, ageMs: 0 })
    expect(await frame(2)).toMatchObject({ code: 'epoch_changed' })
    expect(await Promise.all([frame(1), frame(2)])).toMatchObject([{ kind: 'ack' }, { kind: 'ack' }])
    expect(await temperatures()).toEqual([1, 2])
  })

  it('I-EPOCH-2 a slice stored under an epoch that the producer knows to be over does not count', () => {
    const state = new Producer('p', 1)
    expect(state.stored({ partition: 0, epoch: 'a' })).toBe(true)
    state.epochChanged({ partition: 0, epoch: 'b' })
    expect(state.stored({ partition: 0, epoch: 'a' })).toBe(false)
    expect(state.epochOn(0)).toBe('b')
    expect(state.stored({ partition: 1, epoch: 'a' })).toBe(true)
  })
})

describe('canaries', () => {
  it('I-CANARY-1 keep every partition fresh, and close the breaker as soon as Redis answers', async () => {
    const canaries = new Canaries(
      (p) => ingest.canary(p),
      opened.bus,
      () => 'defect',
    )
    const breaker = () => opened.bus.breakers.find((each) => each.class === 'append')!.state
    canaries.start()
    try {
      const newest = async () =>
        Promise.all(
          Array.from({ length: PARTITIONS }, async (_, p) =>
            Number((await redis.xrevrange(keys.log(p, CANARY_TOPIC), '+', '-', 'COUNT', 1))[0]?.[0].split('-')[0] ?? 0),
          ),
        )
      await expect.poll(newest).not.toContain(0)
      const before = await newest()
      await expect.poll(async () => (await newest()).every((at, p) => at > before[p]!), { timeout: 1_500 }).toBe(true)
      await redis.client('PAUSE', 1_300, 'ALL')
      await expect.poll(breaker, { timeout: 2_000 }).toBe('open')
      expect(canaries.failure(0)).toContain('Redis is not available')
      await expect.poll(breaker, { timeout: 3_000 }).toBe('closed')
    } finally {
      canaries.close()
    }
  })
})
