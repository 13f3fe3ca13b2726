import { parsePosition } from '@tidegate/protocol'
import { describe, expect, test } from 'vitest'
import { type Harness, newKey, payment, READING, reading } from '../harness.ts'
import { PARTITIONS } from '../subject.ts'

const ALL_LANES = ['high', 'normal', 'low'] as const

export function subscriptionsTests(harness: Harness): void {
  describe('subscriptions', () => {
    test('C-FAKE-1 subscribe - starts behind what is stored, with a position for each partition of each lane', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      await client.send({ type: 'publish', seq: 1, topic: READING, events: [reading(key)] })
      await client.next('ack')
      await client.send({ type: 'subscribe', sub: 3, topic: READING, keys: [key] })
      const { positions, ...granted } = await client.next('subscribed')
      expect(granted).toEqual({ type: 'subscribed', sub: 3, recovered: true, onSlow: 'drop-oldest' })
      expect(Object.keys(positions)).toEqual([READING])
      expect(Object.keys(positions[READING]!).sort()).toEqual([...ALL_LANES].sort())
      for (const lane of ALL_LANES) expect(positions[READING]![lane]).toHaveLength(PARTITIONS)
      await client.send({
        type: 'publish',
        seq: 2,
        topic: READING,
        events: [reading(newKey()), reading(key, 2, 'e-2')],
      })
      const { at } = await client.next('ack')
      const [event] = await client.events(1)
      expect(event).toMatchObject({
        id: 'e-2',
        key,
        data: { sensorId: key, value: 2 },
        topic: READING,
        lane: 'normal',
      })
      expect(at.some((last) => parsePosition(last)?.partition === parsePosition(event!.at)?.partition)).toBe(true)
      client.close()
    })

    test('C-FAKE-1 subscribe - lanes, wildcards, and topics that do not exist', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      await client.send({ type: 'subscribe', sub: 1, topic: 'commerce.*', keys: [key], lanes: ['high'] })
      const { positions } = await client.next('subscribed')
      expect(Object.keys(positions['commerce.payment']!)).toEqual(['high'])
      const events = [payment(key, 5), payment(key, 5_000)]
      await client.send({ type: 'publish', seq: 1, topic: 'commerce.payment', events })
      expect(await client.events(1)).toMatchObject([{ lane: 'high', data: { amount: 5_000 } }])
      await client.send({ type: 'subscribe', sub: 2, topic: 'sensor.readin' })
      expect(await client.next('error')).toEqual({
        ...{ type: 'error', sub: 2, code: 'unknown_topic', retryable: false },
        message: 'no topic matches sensor.readin. Did you mean "sensor.reading"?',
      })
      await client.send({ type: 'subscribe', sub: 3, topic: READING, snapshot: true })
      expect(await client.next('error')).toMatchObject({ sub: 3, code: 'unsupported' })
      client.close()
    })

    test('C-FAKE-1 D-TAIL-10 subscribe - what the client publishes behind it comes, without a wait for the answer', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      await client.send({ type: 'subscribe', sub: 1, topic: 'commerce.payment', keys: [key] })
      await client.send({ type: 'publish', seq: 1, topic: 'commerce.payment', events: [payment(key, 7)] })
      expect(await client.events(1)).toMatchObject([{ key, data: { amount: 7 } }])
      client.close()
    })

    test('C-FAKE-1 C-FAKE-3 flows - their results follow the events they are made of', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      await client.send({ type: 'subscribe', sub: 1, topic: 'sensor.hot', keys: [key] })
      await client.next('subscribed')
      await client.send({ type: 'publish', seq: 1, topic: READING, events: [reading(key, 20), reading(key, 40)] })
      expect(await client.events(1)).toMatchObject([{ lane: 'high', data: { sensorId: key, value: 40 } }])
      client.close()
    })

    test('C-FAKE-1 unsubscribe - ends it, and nothing more comes', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      for (const sub of [1, 2]) {
        await client.send({ type: 'subscribe', sub, topic: READING, keys: [key] })
        await client.next('subscribed')
      }
      await client.send({ type: 'unsubscribe', sub: 1 })
      expect(await client.next('unsubscribed')).toMatchObject({ sub: 1, code: 'ok' })
      await client.send({ type: 'publish', seq: 1, topic: READING, events: [reading(key)] })
      const { parts } = await client.next('batch')
      expect(parts.map(({ sub }) => sub)).toEqual([2])
      client.close()
    })

    test('C-FAKE-1 resume - everything behind the positions comes, once and in the order of its key', async () => {
      const publisher = await harness.ofProducer()
      const key = newKey()
      const publish = async (seq: number) => {
        await publisher.send({ type: 'publish', seq, topic: READING, events: [reading(key, seq)] })
        await publisher.next('ack')
      }
      await publish(1)
      const first = await harness.connect()
      await first.send({ type: 'subscribe', sub: 1, topic: READING, keys: [key], from: 'earliest' })
      const [event] = await first.events(1)
      first.close()
      for (const seq of [2, 3, 4]) await publish(seq)
      const second = await harness.connect()
      const from = { positions: { [READING]: { normal: [event!.at] } }, absent: 'now' } as const
      await second.send({ type: 'subscribe', sub: 1, topic: READING, keys: [key], lanes: ['normal'], from })
      const { positions, recovered } = await second.next('subscribed')
      expect(recovered).toBe(true)
      expect(positions[READING]!.normal).toContain(event!.at)
      expect((await second.events(3)).map(({ data }) => (data as { value: number }).value)).toEqual([2, 3, 4])
      for (const client of [publisher, second]) client.close()
    })

    test('C-FAKE-1 change - other options count from there on', async () => {
      const client = await harness.ofProducer()
      const [key, other] = [newKey(), newKey()]
      await client.send({ type: 'subscribe', sub: 1, topic: READING, keys: [key] })
      await client.next('subscribed')
      await client.send({ type: 'subscribe', sub: 1, topic: READING, keys: [other] })
      expect(await client.next('subscribed')).toMatchObject({ sub: 1, positions: {}, recovered: true })
      await client.send({ type: 'publish', seq: 1, topic: READING, events: [reading(key), reading(other)] })
      expect(await client.events(1)).toMatchObject([{ key: other }])
      client.close()
    })

    test('C-FAKE-1 credit - no more is in flight than the window allows', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      const slow = await harness.connect({ windowBytes: 4_096 })
      await slow.send({ type: 'subscribe', sub: 1, topic: READING, keys: [key] })
      await slow.next('subscribed')
      const events = Array.from({ length: 60 }, (_, value) => reading(key, value))
      await client.send({ type: 'publish', seq: 1, topic: READING, events })
      const values: number[] = []
      for (let credited = 0; values.length < events.length; ) {
        const { parts } = await slow.next('batch')
        for (const event of parts.flatMap((part) => part.events)) values.push((event.data as { value: number }).value)
        expect(slow.receivedBytes - credited).toBeLessThan(4_096)
        credited = slow.receivedBytes
        await slow.send({ type: 'credit', bytes: credited })
      }
      expect(values).toEqual(events.map(({ data }) => data.value))
      for (const each of [client, slow]) each.close()
    })
  })
}
