import { parsePosition } from '@tidegate/protocol'
import { describe, expect, test } from 'vitest'
import { config } from '../config.ts'
import { type Harness, newKey, READING, reading } from '../harness.ts'
import { PARTITIONS } from '../subject.ts'

export function queriesTests(harness: Harness): void {
  describe('queries', () => {
    test('C-FAKE-1 topics - lists what there is', async () => {
      const client = await harness.connect()
      await client.send({ type: 'query', id: 4, name: 'topics' })
      const { id, data } = await client.next('result')
      const { partitions, topics } = data as { partitions: number; topics: { name: string; kind: string }[] }
      expect([id, partitions]).toEqual([4, PARTITIONS])
      expect(topics.map(({ name, kind }) => [name, kind])).toEqual(
        [...config.contract.topics.values()].map(({ name, kind }) => [name, kind]),
      )
      client.close()
    })

    test('C-FAKE-1 history - pages of one partition, oldest first', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      await client.send({
        type: 'publish',
        seq: 1,
        topic: READING,
        events: [1, 2, 3, 4, 5].map((value) => reading(key, value)),
      })
      const { at } = await client.next('ack')
      const { partition, index, ...entry } = parsePosition(at[0]!)!
      const first = `${partition}@${entry.epoch}/${entry.streamId}.0`
      await client.send({ type: 'query', id: 1, name: 'history', params: { topic: READING, after: first, limit: 2 } })
      const page = await client.next('result')
      expect((page.data as { data: unknown }[]).map(({ data }) => data)).toMatchObject([{ value: 2 }, { value: 3 }])
      expect(page).toMatchObject({ complete: true, next: first.replace('.0', '.2') })
      await client.send({ type: 'query', id: 2, name: 'history', params: { topic: READING, after: page.next } })
      const last = await client.next('result')
      expect(last.data).toHaveLength(index - 2)
      expect(last).not.toHaveProperty('next')
      client.close()
    })

    test('C-FAKE-1 ledger - says what became of the events of a subscription', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      await client.send({ type: 'subscribe', sub: 1, topic: READING, keys: [key] })
      await client.next('subscribed')
      await client.send({ type: 'publish', seq: 1, topic: READING, events: [reading(key), reading(key)] })
      await client.events(2)
      await client.send({ type: 'query', id: 1, name: 'ledger', params: { sub: 1 } })
      const ledger = { matched: 2, delivered: 2, conflated: 0, sampled: 0, gapped: 0, queued: 0 }
      expect(await client.next('result')).toEqual({ type: 'result', id: 1, data: ledger })
      client.close()
    })

    test.each([
      ['nothing', {}, 'unknown_query'],
      ['ledger', { sub: 9 }, 'unknown_subscription'],
      ['history', { topic: 'sensor.nothing' }, 'unknown_topic'],
      ['window', { name: READING }, 'not_found'],
      ['entity', { name: 'account', key: 'nobody' }, 'not_found'],
    ])('C-FAKE-1 query - %s %o is refused', async (name, params, code) => {
      const client = await harness.connect()
      await client.send({ type: 'query', id: 1, name, params })
      expect(await client.next('error')).toMatchObject({ id: 1, code, retryable: false })
      client.close()
    })
  })
}
