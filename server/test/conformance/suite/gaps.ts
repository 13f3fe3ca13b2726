import type { ServerFrame } from '@tidegate/protocol'
import { describe, expect, test } from 'vitest'
import { type Harness, newKey, payment, READING, reading } from '../harness.ts'

export function gapsTests(harness: Harness): void {
  describe('gaps', () => {
    test('C-FAKE-1 overflow - the oldest events become a gap with their count, which can be fetched', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      const slow = await harness.connect({ windowBytes: 4_096 })
      await slow.send({ type: 'subscribe', sub: 1, topic: READING, keys: [key] })
      await slow.next('subscribed')
      const count = 3_000
      for (let seq = 1; seq * 500 <= count; seq++) {
        const events = Array.from({ length: 500 }, (_, i) => reading(key, (seq - 1) * 500 + i))
        await client.send({ type: 'publish', seq, topic: READING, events })
        await client.next('ack')
      }
      const seen: number[] = []
      const gaps: Extract<ServerFrame, { type: 'gap' }>[] = []
      const withheld = () => gaps.reduce((sum, gap) => sum + gap.count!, 0)
      await expect
        .poll(async () => {
          await slow.send({ type: 'credit', bytes: slow.receivedBytes })
          const parts = slow.taken('batch').flatMap((batch) => batch.parts)
          seen.push(...parts.flatMap(({ events }) => events).map(({ data }) => (data as { value: number }).value))
          gaps.push(...slow.taken('gap'))
          return seen.length + withheld()
        })
        .toBe(count)
      expect(gaps.length).toBeGreaterThan(0)
      const fetched: number[] = []
      for (const gap of gaps) {
        expect(gap).toMatchObject({ sub: 1, topic: READING, lane: 'normal', reason: 'overflow', fetchable: true })
        for (let after: string | undefined = gap.after; after !== undefined; ) {
          const params = { topic: READING, lane: 'normal', after, upTo: gap.upTo, keys: [key] }
          await client.send({ type: 'query', id: 1, name: 'gap', params })
          const { data } = await client.next('result')
          const page = data as { events: { data: { value: number } }[]; complete: boolean; next?: string }
          expect(page.complete).toBe(true)
          fetched.push(...page.events.map((event) => event.data.value))
          after = page.next
        }
      }
      expect(fetched).toHaveLength(withheld())
      expect([...seen, ...fetched].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
      for (const each of [client, slow]) each.close()
    })

    test('C-FAKE-1 trimmed - a position below the log is not recovered, and a gap says so', async () => {
      const client = await harness.ofProducer()
      const key = newKey()
      const publish = async (seq: number) => {
        await client.send({ type: 'publish', seq, topic: 'commerce.payment', events: [payment(key, seq)] })
        return (await client.next('ack')).at[0]!
      }
      const first = await publish(1)
      const second = await publish(2)
      await harness.subject.trim('commerce.payment')
      await publish(3)
      const from = { positions: { 'commerce.payment': { low: [first] } } } as const
      await client.send({ type: 'subscribe', sub: 1, topic: 'commerce.payment', lanes: ['low'], keys: [key], from })
      expect(await client.next('subscribed')).toMatchObject({ recovered: false })
      const gaps = async () => {
        for (;;) {
          const gap = await client.next('gap')
          if (gap.after === first) return gap
        }
      }
      const { upTo, ...gap } = await gaps()
      expect(gap).toMatchObject({ lane: 'low', count: null, reason: 'trimmed', fetchable: false })
      expect(upTo.replace(/\.\d+$/, '')).toBe(second.replace(/\.\d+$/, ''))
      expect(await client.events(1)).toMatchObject([{ data: { amount: 3 } }])
      client.close()
    })
  })
}
