import { parsePosition } from '@tidegate/protocol'
import { describe, expect, test } from 'vitest'
import type { FrameClient } from '../frame-client.ts'
import { type Harness, newKey, READING, reading } from '../harness.ts'
import { PARTITIONS } from '../subject.ts'

export function publishingTests(harness: Harness): void {
  describe('publishing', () => {
    test('C-FAKE-1 publish - a frame is acknowledged with a position for each partition, once however often it comes', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      const frame = { type: 'publish', seq: 1, topic: READING, events: [reading(key), reading(key, 2)] } as const
      await client.send(frame)
      const { at, ...ack } = await client.next('ack')
      expect(ack).toEqual({ type: 'ack', seq: 1 })
      expect(at.map((text) => parsePosition(text)?.index)).toEqual([1])
      await client.send(frame)
      expect(await client.next('ack')).toEqual({ type: 'ack', seq: 1, at, duplicate: true })
      await client.send({ ...frame, events: [reading(key, 3)] })
      expect(await client.next('reject')).toMatchObject({ seq: 1, code: 'conflict' })
      client.close()
    })

    test('C-FAKE-1 publish - events that do not fit are listed, the others are stored', async () => {
      const client = await harness.ofProducer()
      const events = [
        reading(newKey()),
        { data: { sensorId: newKey() } },
        reading(''),
        { ...reading(newKey()), time: Date.now() + 3_600_000 },
        reading(newKey(), 1, 'same'),
        reading(newKey(), 1, 'same'),
      ]
      await client.send({ type: 'publish', seq: 1, topic: READING, events })
      const { rejected = [] } = await client.next('ack')
      expect(rejected.map(({ index, code }) => [index, code])).toEqual([
        [1, 'invalid_data'],
        [2, 'key_too_long'],
        [3, 'time_in_future'],
        [5, 'duplicate_id'],
      ])
      expect(rejected[0]?.path).toBe('value')
      client.close()
    })

    test.each([
      ['unknown_topic', 'sensor.nothing', [reading('k')]],
      ['not_publishable', 'sensor.hot', [reading('k')]],
      ['empty_frame', READING, []],
    ])('C-FAKE-1 publish - %s is final', async (code, topic, events) => {
      const client = await harness.ofProducer()
      await client.send({ type: 'publish', seq: 1, topic, events })
      const reject = await client.next('reject')
      expect(reject).toMatchObject({ seq: 1, code, message: expect.any(String) })
      expect(reject).not.toHaveProperty('retryAfterMs')
      client.close()
    })

    test('C-FAKE-1 publish - the end of input is stored in every partition, once', async () => {
      const client = await harness.ofProducer()
      const frame = { type: 'publish', seq: 1, topic: READING, end: { source: newKey() }, events: [] } as const
      await client.send(frame)
      const { at } = await client.next('ack')
      expect(at).toHaveLength(PARTITIONS)
      await client.send(frame)
      expect(await client.next('ack')).toMatchObject({ duplicate: true })
      client.close()
    })

    test('C-FAKE-1 publish - a newer session and a newer sequence of a producer fence the older ones', async () => {
      const producer = newKey()
      const first = harness.open()
      const { sequence } = await first.hello({ producer, session: 1, sequence: 'new' })
      const publish = (client: FrameClient, seq: number) =>
        client.send({ type: 'publish', seq, topic: READING, events: [reading(newKey())] })
      const second = await harness.connect({ producer, session: 2, sequence: sequence! })
      const key = newKey()
      for (const client of [second, first]) {
        await client.send({ type: 'publish', seq: 1, topic: READING, events: [reading(key)] })
        if (client === second) await second.next('ack')
      }
      expect(await first.next('reject')).toMatchObject({ code: 'fenced' })
      await publish(second, 2)
      await second.next('ack')
      for (const client of [first, second]) client.close()
    })
  })
}
