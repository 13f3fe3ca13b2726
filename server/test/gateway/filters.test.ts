import { createClient, type TidegateClient } from '@tidegate/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()
let client: TidegateClient

beforeAll(async () => {
  client = createClient({ url: server.url })
})
afterAll(async () => {
  await client.close({ deadlineMs: 100 })
})

const payments = (...amounts: number[]) =>
  amounts.map((amount, i) => ({ data: { paymentId: `p-${i}`, orderId: `o-${i % 3}`, amount, currency: 'EUR' } }))

/** Amounts of the first `count` payments that come. */
async function amounts(options: Parameters<TidegateClient['subscribe']>[1], count: number, then = async () => {}) {
  const subscription = client.subscribe('commerce.*', options)
  await subscription.ready
  await then()
  const got: number[] = []
  for await (const { data } of subscription) if (got.push((data as { amount: number }).amount) === count) break
  return { got: got.sort((a, b) => a - b), gaps: subscription.gaps }
}

describe('where', () => {
  it('D-FILTER-6 gives what a filter is true for, live and replayed, together with keys and lanes', async () => {
    const where = 'data.amount > 100 && data.currency == "EUR"'
    const live = await amounts({ where }, 4, async () => {
      await client.publish('commerce.payment_received', payments(50, 150, 2_000, 99, 101, 100, 5_000))
    })
    expect(live).toEqual({ got: [101, 150, 2_000, 5_000], gaps: 0 })
    expect(await amounts({ where, from: 'earliest' }, 4)).toEqual(live)
    expect(await amounts({ where, from: 'earliest', keys: ['o-1', 'o-2'] }, 3)).toEqual({
      got: [101, 150, 2_000],
      gaps: 0,
    })
    expect(await amounts({ where, from: 'earliest', lanes: ['high'] }, 2)).toEqual({ got: [2_000, 5_000], gaps: 0 })
  })

  it('D-FILTER-2 a filter that cannot be read is refused with its column', async () => {
    await expect(client.subscribe('commerce.*', { where: 'data.amount >' }).ready).rejects.toMatchObject({
      code: 'invalid_filter',
      message: expect.stringContaining('column 14: expected a field'),
    })
    const raw = await RawClient.greeted(server.port)
    raw.send({ type: 'subscribe', sub: 1, topic: 'commerce.*', where: 1 })
    expect(await raw.next('error')).toMatchObject({ sub: 1, code: 'invalid_frame' })
    raw.send({ type: 'subscribe', sub: 2, topic: 'commerce.*', where: '' })
    expect(await raw.next('error')).toMatchObject({ sub: 2, code: 'invalid_filter' })
    raw.close()
  })
})
