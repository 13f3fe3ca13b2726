import { describe, expect, test } from 'vitest'
import { type Harness, newKey } from '../harness.ts'

export function entitiesTests(harness: Harness): void {
  describe('entities', () => {
    const pay = (id: string, key: string, amount: unknown) =>
      ({ type: 'command', id, entity: 'account', key, command: 'pay', input: { amount } }) as const

    test('C-FAKE-1 C-FAKE-3 command - is run once and always has the same answer', async () => {
      const client = await harness.connect()
      const [id, key] = [newKey(), newKey()]
      await client.send(pay(id, key, 5))
      const answer = await client.next('answer')
      expect(answer).toMatchObject({
        id,
        status: 'done',
        version: 1,
        events: [{ type: 'paid', data: { amount: 5 } }],
      })
      await client.send(pay(id, key, 5))
      expect(await client.next('answer')).toMatchObject({ id, status: 'done', version: 1 })
      await client.send(pay(id, key, 6))
      expect(await client.next('answer')).toMatchObject({ id, status: 'rejected', code: 'conflict' })
      await client.send({ ...pay(newKey(), key, {}), command: 'balance', input: {} })
      expect(await client.next('answer')).toMatchObject({
        status: 'done',
        version: 1,
        events: [],
        reply: { balance: 5 },
      })
      client.close()
    })

    test('C-FAKE-1 command - codes of the entity and of the server', async () => {
      const client = await harness.connect()
      const key = newKey()
      const codes = []
      for (const frame of [
        pay(newKey(), key, 0),
        pay(newKey(), key, 'much'),
        { ...pay(newKey(), key, 1), expectedVersion: 7 },
        { ...pay(newKey(), key, 1), command: 'nothing' },
        { ...pay(newKey(), key, 1), entity: 'nothing' },
      ]) {
        await client.send(frame)
        codes.push((await client.next('answer')) as { code?: string })
      }
      expect(codes.map(({ code }) => code)).toEqual([
        ...['too_little', 'invalid_input', 'version_conflict', 'unknown_command', 'unknown_entity'],
      ])
      expect(codes[1]).toMatchObject({ path: 'amount' })
      client.close()
    })

    test('C-FAKE-1 snapshot - the latest of each key, then what follows', async () => {
      const client = await harness.connect()
      const [key, other] = [newKey(), newKey()]
      for (const [each, amount] of [
        [key, 1],
        [other, 2],
        [key, 3],
      ] as const) {
        await client.send(pay(newKey(), each, amount))
        await client.next('answer')
      }
      await client.send({ type: 'subscribe', sub: 1, topic: 'account.state', keys: [key, other], snapshot: true })
      expect(await client.next('subscribed')).toMatchObject({ snapshot: true, recovered: true })
      const states = new Map<string, unknown>()
      for (let isWhole = false; !isWhole; ) {
        for (const { events, snapshot } of (await client.next('batch')).parts) {
          for (const event of events) states.set(event.key, event.data)
          isWhole ||= snapshot === 'end'
        }
      }
      expect([...states].sort()).toEqual([
        [key, { version: 2, state: { balance: 4 } }],
        [other, { version: 1, state: { balance: 2 } }],
      ])
      await client.send(pay(newKey(), other, 5))
      expect(await client.events(1)).toMatchObject([{ key: other, data: { version: 2, state: { balance: 7 } } }])
      client.close()
    })

    test('C-FAKE-1 queries - an entity, its past, and those with a value', async () => {
      const client = await harness.connect()
      const key = newKey()
      for (const amount of [1.25, 2.5]) {
        await client.send(pay(newKey(), key, amount))
        await client.next('answer')
      }
      const ask = async (query: string, params: object) => {
        await client.send({ type: 'query', id: 1, name: query, params: { name: 'account', ...params } })
        return (await client.next('result')).data
      }
      const now = { key, version: 2, view: { balance: 3.75 }, epoch: expect.any(String), time: expect.any(Number) }
      expect(await ask('entity', { key, minVersion: 2 })).toEqual(now)
      expect(await ask('entity', { key, version: 1 })).toMatchObject({ version: 1, view: { balance: 1.25 } })
      expect(await ask('entityHistory', { key })).toMatchObject([
        { version: 1, type: 'paid', data: { amount: 1.25 }, definition: 1, commandId: expect.any(String) },
        { version: 2, type: 'paid', data: { amount: 2.5 } },
      ])
      expect(await ask('findEntities', { index: 'balance', value: '3.75' })).toMatchObject([{ key, version: 2 }])
      client.close()
    })
  })
}
