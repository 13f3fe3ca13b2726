import { beforeEach, describe, expect, it } from 'vitest'
import { Rights } from '../../src/access/index.ts'
import { CANARY_TOPIC, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { Canaries, Ingest, Producer, type PublishOutcome } from '../../src/ingest/index.ts'
import { createReport, type Defect, withoutRepeats } from '../../src/observability/defects.ts'
import { contract, readingOf } from '../support/contract.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 2
const TOPIC = 'sensor.reading'
const partition = partitionOf('s-1', PARTITIONS)
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
let defects: Defect[]
let ingest: Ingest
const report = createReport((defect) => defects.push(defect))

beforeEach(() => {
  defects = []
  ingest = new Ingest({
    bus: opened.bus,
    contract,
    clock: { now: () => 1_732_350_000_000 },
    report,
    known: () => [],
  })
})

const publish = (seq: number, state: Producer) =>
  new Promise<PublishOutcome>((resolve) =>
    ingest.publish(
      { rights: Rights.EVERYTHING, topic: TOPIC, events: [readingOf('s-1')], producer: { state, seq } },
      resolve,
    ),
  )

describe('a defect of an append', () => {
  for (const [what, key] of [
    ['a log that is no stream', keys.log(partition, TOPIC)],
    ['a script that ends with an error', keys.producersCurrent(partition)],
  ] as const) {
    it(`I-DEFECT-1 ${what} - the frame is refused under an id, and stored when it comes again and nothing is wrong`, async () => {
      const state = new Producer('p', 1)
      await redis.set(key, 'foreign')
      const outcome = await publish(1, state)
      expect(outcome).toMatchObject({ kind: 'reject', code: 'internal', retryAfterMs: expect.any(Number) })
      expect(defects).toMatchObject([{ where: `an append to partition ${partition}`, error: expect.any(Error) }])
      const { message } = outcome as Extract<PublishOutcome, { kind: 'reject' }>
      expect(message).toBe(`A defect of the server. Its log has the cause under ${defects[0]!.id}.`)
      expect(await publish(2, state)).toMatchObject({ code: 'out_of_order' })
      expect(opened.bus.retryAfterMs('append')).toBe(0)
      await redis.del(key)
      expect(await publish(1, state)).toMatchObject({ kind: 'ack', duplicate: false })
      expect(await publish(2, state)).toMatchObject({ kind: 'ack', duplicate: false })
    })
  }

  it('I-DEFECT-1 what every call ends with has one id and one line in the log', async () => {
    await redis.set(keys.log(partition, TOPIC), 'foreign')
    const outcomes = []
    for (let i = 0; i < 5; i++) outcomes.push(await publish(1, new Producer(`p-${i}`, 1)))
    expect(new Set(outcomes.map((outcome) => outcome.kind === 'reject' && outcome.message)).size).toBe(1)
    expect(defects).toHaveLength(1)
  })

  it('I-DEFECT-1 it has another id a minute later, and another cause has its own', () => {
    let now = 0
    const sparing = withoutRepeats(report, () => now)
    const [first, same] = [sparing('here', new Error('a')), sparing('here', new Error('a'))]
    const other = sparing('here', new Error('b'))
    now = 59_999
    const stillOther = sparing('here', new Error('b'))
    now = 60_000
    const later = sparing('here', new Error('b'))
    expect([same, stillOther]).toEqual([first, other])
    expect(new Set([first, other, later]).size).toBe(3)
    expect(defects.map(({ id }) => id)).toEqual([first, other, later])
  })

  it('I-DEFECT-2 what throws at its answer keeps no other frame from its own, nor the partition from its next call', async () => {
    const thrown = new Error('thrown at the answer')
    ingest.publish({ rights: Rights.EVERYTHING, topic: TOPIC, events: [readingOf('s-1')] }, () => {
      throw thrown
    })
    expect(await publish(1, new Producer('p', 1))).toMatchObject({ kind: 'ack' })
    expect(await publish(1, new Producer('q', 1))).toMatchObject({ kind: 'ack' })
    expect(defects).toMatchObject([{ where: `an answer of partition ${partition}`, error: thrown }])
  })

  it('I-DEFECT-3 a canary that meets one is reported under an id, without the words of Redis', async () => {
    await redis.set(keys.log(partition, CANARY_TOPIC), 'foreign')
    const canaries = new Canaries((p) => ingest.canary(p), opened.bus, report)
    canaries.start()
    try {
      await expect.poll(() => canaries.failure(partition)).toBeDefined()
      expect(defects).toMatchObject([{ where: `a canary of partition ${partition}`, error: expect.any(Error) }])
      expect(canaries.failure(partition)).toBe(`A defect of the server. Its log has the cause under ${defects[0]!.id}.`)
      expect(canaries.failure(1 - partition)).toBeUndefined()
    } finally {
      canaries.close()
    }
  })
})
