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

  it('D-FILTER-9 a field that no topic has is refused with a similar one, in subscriptions and their changes', async () => {
    const refusal = (message: string) => ({ code: 'invalid_filter', message: expect.stringContaining(message) })
    const subscribe = (where: string) => client.subscribe('commerce.payment_received', { where })
    await expect(subscribe('data.amuont > 1').ready).rejects.toMatchObject(
      refusal('there is no field data.amuont to filter by. Did you mean "amount"?'),
    )
    await expect(subscribe('has(data.amount.net)').ready).rejects.toMatchObject(refusal('no field data.amount.net'))
    const open = subscribe('data.amount > 1')
    await open.ready
    await expect(open.change({ where: 'data.sum > 1' })).rejects.toMatchObject(refusal('no field data.sum to'))
    open.close()
    // Some topic of the selector has it.
    const some = client.subscribe('commerce.*', { where: 'has(data.currency)' })
    await some.ready
    some.close()
  })

  it('G-NAME-1 a topic that does not exist is refused with a similar one, to subscribers and publishers', async () => {
    const refusal = {
      code: 'unknown_topic',
      message: expect.stringContaining('Did you mean "commerce.payment_received"?'),
    }
    await expect(client.subscribe('commerce.payment_recieved').ready).rejects.toMatchObject(refusal)
    await expect(client.publish('commerce.payment_recieved', { data: {} })).rejects.toMatchObject(refusal)
  })

  it('G-CLOCK-2 I-VALID-6 welcome says the time of the server; one in seconds is refused by name', async () => {
    const raw = await RawClient.connect(server.port)
    raw.send({ type: 'hello', protocol: 1, client: 'test' })
    expect(Math.abs(((await raw.next('welcome')).time as number) - Date.now())).toBeLessThan(5_000)
    raw.close()
    const event = { time: Math.floor(Date.now() / 1_000), ...payments(1)[0]! }
    await expect(client.publish('commerce.payment_received', event)).rejects.toMatchObject({
      code: 'invalid_time',
      path: 'time',
      message: expect.stringContaining('looks like seconds'),
    })
    const from = { time: event.time }
    await expect(client.subscribe('commerce.*', { from }).ready).rejects.toMatchObject({
      message: expect.stringContaining('looks like seconds'),
    })
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
