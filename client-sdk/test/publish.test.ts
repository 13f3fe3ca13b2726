import { describe, expect, test } from 'vitest'
import type { TidegateClient } from '../src/index.ts'
import { type Peer, until } from './support/scripted-server.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used

/** Publishes one event per item, each to a topic of its own: calls to one topic would travel together. Failures are looked at by whoever awaits them. */
function publishAll(client: TidegateClient, ...items: string[]): Promise<unknown>[] {
  return items.map((id) => {
    const receipt = client.publish(`sensor.${id}`, { id, data: { id } })
    receipt.catch(() => {})
    return receipt
  })
}

const seqs = (frames: readonly { readonly seq: number }[]) => frames.map(({ seq }) => seq)

describe('publish', () => {
  test('C-SEQ-1 publish - resolves with what the ack says', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const receipt = client.publish('sensor.reading', { id: 'r-1', time: 7, source: 's', data: { degC: 21 } })
    expect(await peer.take('publish')).toEqual({
      type: 'publish',
      seq: 1,
      topic: 'sensor.reading',
      events: [{ id: 'r-1', time: 7, source: 's', data: { degC: 21 } }],
    })
    peer.send({ type: 'ack', seq: 1, at: ['3@e/1-0.0'], duplicate: true })
    expect(await receipt).toEqual({ at: ['3@e/1-0.0'], rejected: [], duplicate: true })
  })

  test('C-LAST-1 publish - with last, the end of input comes behind the events and is resent with them', async () => {
    const client = open()
    const receipt = client.publish('sensor.reading', { id: 'a', time: 1, data: {} }, { last: { source: 's' } })
    const [, end] = await (await used.server.greeted()).takePublishes(2)
    expect(end).toEqual({ type: 'publish', seq: 2, topic: 'sensor.reading', end: { source: 's' }, events: [] })
    const peer = await restart(client)
    const [, { ageMs, ...again }] = (await peer.takePublishes(2)) as [object, { ageMs: number }]
    expect(again).toEqual(end)
    peer.ack(1)
    peer.ack(2)
    expect(await receipt).toMatchObject({ rejected: [] })
  })

  test('C-LAST-1 publish - an end that is refused rejects, and so does one that says nothing', async () => {
    const client = open()
    const receipt = client.publish('sensor.reading', [], { last: true })
    const peer = await used.server.greeted()
    expect(await peer.take('publish')).toMatchObject({ end: {}, events: [] })
    peer.send({ type: 'reject', seq: 1, code: 'forbidden', message: 'not yours' })
    await expect(receipt).rejects.toMatchObject({ code: 'forbidden', message: 'not yours' })
    const wrong = { last: { sources: ['s'] } } as never
    await expect(client.publish('sensor.reading', [], wrong)).rejects.toThrow('publish.last has no "sources"')
    await expect(client.publish('sensor.reading', [], { lats: true } as never)).rejects.toThrow('Did you mean "last"?')
  })

  test('C-STAMP-1 C-RESEND-1 publish - stamps id and time once: a resend has the same content', async () => {
    const client = open()
    const receipt = client.publish('sensor.reading', [{ data: {} }, { data: {} }])
    const first = await (await used.server.greeted()).take('publish')
    const [a, b] = first.events
    expect(Math.abs(a!.time! - Date.now())).toBeLessThan(5_000)
    expect(a!.id).not.toBe(b!.id)
    expect(first).not.toHaveProperty('ageMs')
    const peer = await restart(client)
    const { ageMs, ...again } = await peer.take('publish')
    expect(again).toEqual(first)
    expect(ageMs).toBeGreaterThanOrEqual(0)
    peer.ack(1)
    await receipt
  })

  test('C-SEQ-1 publish - while there is no connection waits and then goes in order', async () => {
    const client = open()
    const receipts = publishAll(client, 'a', 'b', 'c')
    const peer = await used.server.greeted()
    expect(seqs(await peer.takePublishes(3))).toEqual([1, 2, 3])
    for (const seq of [2, 1, 3]) peer.ack(seq)
    await Promise.all(receipts)
  })

  test('C-SPLIT-1 publish - a large call goes in frames and resolves once', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const receipt = client.publish(
      'sensor.reading',
      Array.from({ length: 1_500 }, () => ({ data: {} })),
    )
    const frames = await peer.takePublishes(2)
    expect(frames.map(({ events }) => events.length)).toEqual([1_000, 500])
    peer.ack(1)
    peer.send({ type: 'ack', seq: 2, at: [], rejected: [{ index: 3, code: 'invalid_data', message: 'no' }] })
    expect((await receipt).rejected.map(({ index }) => index)).toEqual([1_003])
  })

  test('C-SPLIT-1 publish - an event that fits no frame sends nothing of its call', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const events = [{ data: {} }, { data: 'x'.repeat(600_000) }]
    await expect(client.publish('a', events)).rejects.toMatchObject({ code: 'event_too_large' })
    await peer.settled()
    expect(peer.received.filter(({ type }) => type === 'publish')).toEqual([])
  })

  test('C-GRANT-1 publish - keeps to the grant of the welcome', async () => {
    const client = open()
    publishAll(client, 'a', 'b', 'c', 'd')
    const peer = await used.server.greeted({ publish: { frames: 2, bytes: 100_000 } })
    expect(seqs(await peer.takePublishes(2))).toEqual([1, 2])
    await peer.settled()
    expect(peer.received.filter(({ type }) => type === 'publish')).toHaveLength(2)
    peer.ack(1)
    expect((await peer.take('publish')).seq).toBe(3)
  })

  test('C-SLOW-1 slow - waits as long as it says, then keeps to the smaller grant', async () => {
    const client = open()
    const peer = await used.server.greeted()
    publishAll(client, 'a')
    await peer.take('publish')
    peer.send({ type: 'slow', retryAfterMs: 100, publish: { frames: 2, bytes: 100_000 } })
    await peer.settled()
    const told = performance.now()
    publishAll(client, 'b', 'c')
    expect((await peer.take('publish')).seq).toBe(2)
    expect(performance.now() - told).toBeGreaterThan(80)
    await peer.settled()
    expect(peer.received.filter(({ type }) => type === 'publish')).toHaveLength(2)
    peer.send({ type: 'slow', retryAfterMs: 0, publish: { frames: 64, bytes: 100_000 } })
    expect((await peer.take('publish')).seq).toBe(3)
  })

  test('C-RESEND-6 bus - what waits because Redis was away is sent at once when it is back', async () => {
    const client = open()
    const peer = await used.server.greeted()
    publishAll(client, 'a')
    await peer.take('publish')
    peer.send({ type: 'reject', seq: 1, code: 'unavailable', message: '', retryAfterMs: 60_000 })
    await peer.settled()
    peer.send({ type: 'bus', class: 'append', state: 'closed', since: 1 })
    expect((await peer.take('publish')).seq).toBe(1)
  })

  test('C-KEEP-1 C-KEEP-2 epoch - kept frames of that partition go again, in order, before what is refused', async () => {
    const client = open()
    const receipts = publishAll(client, 'a', 'b', 'c', 'd')
    const peer = await used.server.peer()
    expect(await peer.greet()).not.toHaveProperty('epochs')
    await peer.takePublishes(4)
    const ack = (seq: number, ...at: string[]) => peer.send({ type: 'ack', seq, at })
    ack(1, '3@x/1-0.0')
    ack(2, '4@y/1-0.0')
    ack(3, '3@x/2-0.0', '4@y/2-0.0')
    await Promise.all(receipts.slice(0, 3))
    peer.send({ type: 'reject', seq: 4, code: 'epoch_changed', message: '', retryAfterMs: 0, epochs: ['3@z'] })
    expect(seqs(await peer.takePublishes(3))).toEqual([1, 3, 4])
    for (const seq of [1, 3, 4]) ack(seq, '3@z/9-0.0')
    await receipts[3]
    peer.socket.terminate()
    const next = await used.server.peer()
    expect((await next.greet()).epochs).toEqual(['4@y', '3@z'])
    // Told after welcome, with nothing else to send.
    next.send({ type: 'epoch', at: ['4@w'] })
    expect(seqs(await next.takePublishes(1))).toEqual([2])
    // Stored before the epoch that the client was told of: that is no answer.
    next.send({ type: 'ack', seq: 2, at: ['4@y/5-0.0'] })
    expect(seqs(await next.takePublishes(1))).toEqual([2])
    next.send({ type: 'ack', seq: 2, at: ['4@w/5-0.0'] })
    await next.settled()
    expect(next.received.filter(({ type }) => type === 'publish')).toHaveLength(2)
  })

  test('C-RESEND-1 reconnect - what is unanswered goes first, then what came since', async () => {
    const client = open()
    const receipts = publishAll(client, 'a', 'b', 'c')
    const first = await used.server.greeted()
    await first.takePublishes(3)
    first.ack(2)
    await receipts[1]
    first.socket.terminate()
    await until(() => client.status.get().state !== 'online', 'the loss noticed')
    receipts.push(...publishAll(client, 'd'))
    const second = await used.server.greeted()
    const frames = await second.takePublishes(3)
    expect(seqs(frames)).toEqual([1, 3, 4])
    expect(frames.map(({ ageMs }) => ageMs !== undefined)).toEqual([true, true, false])
    for (const seq of [1, 3, 4]) second.ack(seq)
    await Promise.all(receipts)
  })

  test('C-RESEND-2 reject - waits for all answers, then sends again what is left before anything new', async () => {
    const client = open()
    const receipts = publishAll(client, 'a', 'b', 'c')
    const peer = await used.server.greeted()
    await peer.takePublishes(3)
    const rejectedAt = performance.now()
    peer.reject(1, 'unavailable', 60)
    peer.reject(2, 'out_of_order', 0)
    await peer.settled()
    receipts.push(...publishAll(client, 'd'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(peer.received.filter(({ type }) => type === 'publish')).toHaveLength(3)
    peer.ack(3)
    expect(seqs(await peer.takePublishes(3))).toEqual([1, 2, 4])
    expect(performance.now() - rejectedAt).toBeGreaterThanOrEqual(60)
    for (const seq of [1, 2, 4]) peer.ack(seq)
    await Promise.all(receipts)
  })

  test('C-RESEND-3 reject - the longest wait of a round counts', async () => {
    const client = open()
    publishAll(client, 'a', 'b')
    const peer = await used.server.greeted()
    await peer.takePublishes(2)
    const rejectedAt = performance.now()
    peer.reject(1, 'unavailable', 80)
    peer.reject(2, 'out_of_order', 0)
    await peer.takePublishes(2)
    expect(performance.now() - rejectedAt).toBeGreaterThanOrEqual(79)
  })

  test('C-RESEND-4 answers - that are not due change nothing', async () => {
    const client = open()
    const receipts = publishAll(client, 'a', 'b')
    const peer = await used.server.greeted()
    await peer.takePublishes(2)
    peer.ack(1)
    peer.reject(1, 'unavailable', 0)
    peer.ack(77)
    peer.reject(2, 'out_of_order', 0)
    peer.reject(2, 'out_of_order', 0)
    expect((await peer.take('publish')).seq).toBe(2)
    peer.ack(2)
    await Promise.all(receipts)
    await peer.settled()
    expect(peer.received.filter(({ type }) => type === 'publish')).toHaveLength(3)
  })

  test('C-RESEND-5 reject - the oldest frame out of order for ever opens a new connection', {
    timeout: 20_000,
  }, async () => {
    const client = open()
    const [receipt] = publishAll(client, 'a')
    const stuck = await used.server.greeted()
    const refusing = (async () => {
      for (let round = 0; round < 9; round++) {
        await stuck.take('publish')
        stuck.reject(1, 'out_of_order', 0)
      }
    })()
    const peer = await used.server.greeted()
    await refusing
    expect((await peer.take('publish')).seq).toBe(1)
    peer.ack(1)
    await receipt
  })

  test('C-FATE-1 reject - for good rejects the call with the code, and the next frames go on', async () => {
    const client = open()
    const [first, second] = publishAll(client, 'a', 'b')
    const peer = await used.server.greeted()
    await peer.takePublishes(2)
    peer.reject(1, 'conflict')
    await expect(first).rejects.toMatchObject({ name: 'TidegateError', code: 'conflict', retryable: false })
    peer.ack(2)
    await second
  })

  test('C-BOUND-1 outbox - a call that does not fit is refused, the others stay', async () => {
    const client = open({ outbox: { maxFrames: 2 } })
    const receipts = publishAll(client, 'a', 'b')
    const overflow = client.publish('sensor.reading', { data: {} })
    await expect(overflow).rejects.toMatchObject({ code: 'outbox_full', retryable: true })
    const peer = await used.server.greeted()
    await peer.takePublishes(2)
    peer.ack(1)
    peer.ack(2)
    await Promise.all(receipts)
  })

  test('C-BOUND-2 C-SEQ-1 outbox - what was never sent and is too old is given up; the numbers have no hole', async () => {
    const client = open({ outbox: { maxAgeMs: 30 } })
    await expect(publishAll(client, 'a')[0]).rejects.toMatchObject({ code: 'outbox_expired', retryable: true })
    const peer = await used.server.greeted()
    const [receipt] = publishAll(client, 'b')
    expect(await peer.take('publish')).toMatchObject({ seq: 1, events: [{ id: 'b' }] })
    peer.ack(1)
    await receipt
  })

  test('C-END-1 close - waits for what is outstanding, then ends', async () => {
    const client = open()
    const [receipt] = publishAll(client, 'a')
    const peer = await used.server.greeted()
    await peer.take('publish')
    const closed = Promise.all([client.close({ deadlineMs: 5_000 }), client.close({ deadlineMs: 5_000 })])
    await expect(client.publish('a', { data: {} })).rejects.toMatchObject({ code: 'closed' })
    await peer.settled()
    peer.ack(1)
    await receipt
    await closed
    expect(client.status.get().state).toBe('closed')
    expect(await peer.closed).toBe(1_000)
  })

  test('C-END-1 close - rejects what is left at the deadline', async () => {
    const client = open()
    const [receipt] = publishAll(client, 'a')
    await (await used.server.greeted()).take('publish')
    await client.close({ deadlineMs: 20 })
    const message = 'The client or the subscription is closed. The publish may still be stored.'
    await expect(receipt).rejects.toMatchObject({ code: 'closed', retryable: false, message })
  })

  test('C-END-1 close - says which calls were never sent', async () => {
    const client = open({ connect: false })
    const [receipt] = publishAll(client, 'a')
    await client.close({ deadlineMs: 0 })
    const message = 'The client or the subscription is closed. The publish was never sent.'
    await expect(receipt).rejects.toMatchObject({ code: 'closed', message })
  })
})

/** Cuts the connection and greets the next one. */
async function restart(client: TidegateClient): Promise<Peer> {
  expect(client.status.get().state).toBe('online')
  used.server.cut()
  return used.server.greeted()
}
