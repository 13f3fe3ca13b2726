import { describe, expect, test } from 'vitest'
import { until } from './support/scripted-server.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used
const TOPIC = 'sensor.reading'

const event = (id: string) => ({ id, data: { id } })
const idsOf = (frames: readonly { readonly events: readonly { readonly id?: string }[] }[]) =>
  frames.map(({ events }) => events.map(({ id }) => id).join(' '))

/** A client that is connected, and its other end. */
async function connected(welcome?: Parameters<typeof used.server.greeted>[0]) {
  const client = open()
  const peer = await used.server.greeted(welcome)
  await until(() => client.status.get().state === 'online', 'online')
  return { client, peer }
}

describe('publishes of one turn', () => {
  test('C-GATHER-1 calls - to one topic travel in one frame, in their order', async () => {
    const { client, peer } = await connected()
    const receipts = ['a', 'b', 'c'].map((id) => client.publish(TOPIC, event(id)))
    expect(idsOf(await peer.takePublishes(1))).toEqual(['a b c'])
    peer.ack(1)
    expect(await Promise.all(receipts)).toHaveLength(3)
    const later = client.publish(TOPIC, event('d'))
    expect(await peer.take('publish')).toMatchObject({ seq: 2, events: [{ id: 'd' }] })
    peer.ack(2)
    await later
  })

  test('C-GATHER-1 calls - that wait for the grant travel with those of their turn, and with no others', async () => {
    const { client, peer } = await connected({ publish: { frames: 1, bytes: 100_000 } })
    const receipts = [client.publish(TOPIC, event('a'))]
    await peer.take('publish')
    for (const ids of [['b', 'c'], ['d']]) {
      for (const id of ids) receipts.push(client.publish(TOPIC, event(id)))
      await peer.settled()
    }
    peer.ack(1)
    expect(idsOf(await peer.takePublishes(1))).toEqual(['b c'])
    peer.ack(2)
    expect(idsOf(await peer.takePublishes(1))).toEqual(['d'])
    peer.ack(3)
    await Promise.all(receipts)
  })

  test('C-GATHER-1 frames - end at another topic, at an id that they have, at 1,000 events and at the bytes of the grant', async () => {
    const { client, peer } = await connected({ publish: { frames: 64, bytes: 30_000 } })
    const thousand = Array.from({ length: 999 }, () => ({ data: 0 }))
    const calls = [
      client.publish('sensor.other', event('a')),
      client.publish(TOPIC, event('b')),
      client.publish(TOPIC, event('b')),
      client.publish(TOPIC, event('c')),
      client.publish(TOPIC, { id: 'large', data: 'x'.repeat(29_800) }),
    ]
    expect(idsOf(await peer.takePublishes(3))).toEqual(['a', 'b', 'b c'])
    for (const seq of [1, 2, 3]) peer.ack(seq)
    expect(idsOf(await peer.takePublishes(1))).toEqual(['large'])
    peer.ack(4)
    await Promise.all(calls)
    peer.send({ type: 'slow', retryAfterMs: 0, publish: { frames: 64, bytes: 1_000_000 } })
    await peer.settled()
    const many = [thousand, [event('last')], [event('next')]].map((events) => client.publish(TOPIC, events))
    expect((await peer.takePublishes(2)).map(({ events }) => events.length)).toEqual([1_000, 1])
    peer.ack(5)
    peer.ack(6)
    await Promise.all(many)
  })

  test('C-GATHER-2 receipts - each call hears of its own events, by their index in it', async () => {
    const { client, peer } = await connected()
    const calls = [[event('a')], [event('b'), event('c')], [event('d')], [event('e'), event('f')]].map((events) =>
      client.publish(TOPIC, events),
    )
    await peer.take('publish')
    const rejected = [2, 3, 4, 5].map((index) => ({ index, code: 'invalid_data' as const, message: `no ${index}` }))
    peer.send({ type: 'ack', seq: 1, at: ['0@e/1-0.1'], rejected })
    const results = (await Promise.allSettled(calls)).map((result) =>
      result.status === 'fulfilled'
        ? result.value.rejected
        : [result.reason.code, result.reason.message, result.reason.receipt.rejected],
    )
    const no = (index: number, said: number) => ({ index, code: 'invalid_data', message: `no ${said}` })
    expect(results).toEqual([
      [],
      [no(1, 2)],
      ['invalid_data', 'no 3', [no(0, 3)]],
      ['invalid_data', 'None of 2 events was stored. The first: no 4', [no(0, 4), no(1, 5)]],
    ])
  })

  test('C-GATHER-2 C-FATE-1 reject - of their frame rejects every call for its own events', async () => {
    const { client, peer } = await connected()
    const calls = [client.publish(TOPIC, event('a')), client.publish(TOPIC, [event('b'), event('c')])]
    await peer.take('publish')
    peer.reject(1, 'conflict')
    const [a, bc] = (await Promise.allSettled(calls)) as PromiseRejectedResult[]
    expect(a!.reason).toMatchObject({ code: 'conflict', receipt: { rejected: [{ index: 0 }] } })
    expect(bc!.reason).toMatchObject({ code: 'conflict', receipt: { rejected: [{ index: 0 }, { index: 1 }] } })
  })

  test('C-GATHER-1 C-RESEND-1 resend - of a frame has the same calls, and later ones follow', async () => {
    const { client, peer } = await connected()
    const calls = [client.publish(TOPIC, event('a')), client.publish(TOPIC, event('b'))]
    await peer.take('publish')
    peer.socket.terminate()
    await until(() => client.status.get().state !== 'online', 'the loss noticed')
    calls.push(client.publish(TOPIC, event('c')))
    const next = await used.server.greeted()
    const frames = await next.takePublishes(2)
    expect(frames.map(({ seq }) => seq)).toEqual([1, 2])
    expect(idsOf(frames)).toEqual(['a b', 'c'])
    next.ack(1)
    next.ack(2)
    await Promise.all(calls)
  })
})

describe('publish with a signal', () => {
  const REASON = new Error('The page was left.')

  test('C-ABORT-1 abort - takes out what was never sent; the numbers have no hole', async () => {
    const { client, peer } = await connected({ publish: { frames: 1, bytes: 100_000 } })
    const sent = client.publish('sensor.a', event('a'))
    await peer.take('publish')
    const abort = new AbortController()
    const waiting = client.publish('sensor.b', event('b'), { signal: abort.signal })
    const next = client.publish('sensor.c', event('c'))
    abort.abort(REASON)
    await expect(waiting).rejects.toBe(REASON)
    peer.ack(1)
    expect(await peer.take('publish')).toMatchObject({ seq: 2, topic: 'sensor.c' })
    peer.ack(2)
    await Promise.all([sent, next])
  })

  test('C-ABORT-1 abort - of what is sent rejects the call, and the frame still reaches the log', async () => {
    const { client, peer } = await connected()
    const abort = new AbortController()
    const call = client.publish(TOPIC, event('a'), { signal: abort.signal })
    await peer.take('publish')
    abort.abort(REASON)
    await expect(call).rejects.toBe(REASON)
    peer.socket.terminate()
    const next = await used.server.greeted()
    expect(await next.take('publish')).toMatchObject({ seq: 1, events: [{ id: 'a' }] })
    next.ack(1)
    await client.close()
  })

  test('C-ABORT-1 abort - before the call sends nothing, and close does not wait for it', async () => {
    const { client, peer } = await connected()
    const call = client.publish(TOPIC, event('a'), { signal: AbortSignal.abort(REASON) })
    await expect(call).rejects.toBe(REASON)
    const abort = new AbortController()
    const offline = open({ url: 'http://127.0.0.1:9' })
    const waiting = offline.publish(TOPIC, event('b'), { signal: abort.signal })
    const closed = offline.close({ deadlineMs: 60_000 })
    abort.abort(REASON)
    await expect(waiting).rejects.toBe(REASON)
    await closed
    await peer.settled()
    expect(peer.received.filter(({ type }) => type === 'publish')).toEqual([])
  })
})
