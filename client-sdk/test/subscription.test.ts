import type { BatchPart } from '@tidegate/protocol'
import { describe, expect, test, vi } from 'vitest'
import type { Gap, Subscription, TidegateClient, TopicEvent } from '../src/index.ts'
import { type Peer, until } from './support/scripted-server.ts'
import { event, grant, part, START, TOPIC, vector } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used

/** A granted subscription that collects the ids of its events. */
async function collect(client: TidegateClient, peer: Peer) {
  const ids: string[] = []
  const subscription = client.subscribe(TOPIC, {}, ({ id }) => ids.push(id))
  const { sub } = await grant(peer)
  await subscription.ready
  return { ids, subscription, sub }
}

describe('subscribe', () => {
  test('callback - gets events with topic and lane, in order', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const events: TopicEvent<string, unknown>[] = []
    const subscription = client.subscribe('sensor.*', { keys: ['k'], lanes: ['low'], from: 'earliest' }, (e) =>
      events.push(e),
    )
    const asked = await grant(peer)
    expect(asked).toEqual({
      type: 'subscribe',
      sub: asked.sub,
      topic: 'sensor.*',
      keys: ['k'],
      lanes: ['low'],
      from: 'earliest',
    })
    peer.send({ type: 'batch', parts: [part(asked.sub, 1, 2), part(asked.sub + 1, 9)] })
    await until(() => events.length === 2, 'the events')
    expect(events[0]).toEqual({ topic: TOPIC, lane: 'low', ...event(1) })
    expect(subscription).toMatchObject({ delivered: 2, repeats: 0, gaps: 0, positions: vector('0@e/2-0.0') })
  })

  test('C-RESUME-1 C-DEDUP-1 reconnect - asks again from where it is, ahead of the frames to publish; repeats are dropped', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { ids, subscription, sub } = await collect(client, peer)
    const receipt = client.publish('a', { data: {} })
    peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
    await until(() => ids.length === 2, 'two events')
    peer.socket.terminate()
    const next = await used.server.greeted()
    const asked = await grant(next, '0@e/2-0.0')
    expect(asked).toMatchObject({ sub, from: { positions: vector('0@e/2-0.0') } })
    await next.take('publish')
    expect(next.received.map(({ type }) => type)).toEqual(['hello', 'subscribe', 'publish'])
    next.send({ type: 'batch', parts: [part(sub, 1, 2, 3)] })
    await until(() => ids.length === 3, 'the third')
    expect(ids).toEqual(['e1', 'e2', 'e3'])
    expect(subscription).toMatchObject({ delivered: 3, repeats: 2 })
    next.ack(1)
    await receipt
  })

  test('C-RESUME-4 first connection - what was published after the call is sent behind the request', async () => {
    const client = open()
    client.subscribe(TOPIC, () => {})
    const receipt = client.publish('a', { data: {} })
    const peer = await used.server.greeted()
    await peer.take('publish')
    expect(peer.received.map(({ type }) => type)).toEqual(['hello', 'subscribe', 'publish'])
    peer.ack(1)
    await receipt
  })

  test('C-RESUME-1 reconnect - before it was granted, asks as the application said', async () => {
    const client = open()
    const from = { time: 1_234 }
    client.subscribe(TOPIC, { from })
    const first = await used.server.greeted()
    expect(await first.take('subscribe')).toMatchObject({ from })
    first.socket.terminate()
    expect(await (await used.server.greeted()).take('subscribe')).toMatchObject({ from })
  })

  test('online listener - a subscription made in it is asked for once', async () => {
    const client = open()
    client.onStatus((status) => {
      if (status === 'online') client.subscribe(TOPIC)
    })
    const peer = await used.server.greeted()
    await peer.take('subscribe')
    await peer.settled()
    expect(peer.received.filter(({ type }) => type === 'subscribe')).toHaveLength(1)
  })

  test('C-DEDUP-3 progress - moves the vector of a quiet subscription', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { subscription, sub, ids } = await collect(client, peer)
    peer.send({ type: 'progress', sub, positions: vector('0@e/7-0.999999') })
    peer.send({ type: 'batch', parts: [part(sub, 7, 8)] })
    await until(() => ids.length === 1, 'the event after')
    expect(ids).toEqual(['e8'])
    expect(subscription.positions).toEqual(vector('0@e/8-0.0'))
  })

  test('C-GAP-1 C-DEDUP-2 C-DEDUP-3 gap - is told, counted, and moves the vector, also into another epoch', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { subscription, sub, ids } = await collect(client, peer)
    const gaps: Gap[] = []
    const left: Gap[] = []
    subscription.onGap((gap) => gaps.push(gap))
    subscription.onGap((gap) => left.push(gap))()
    const overflow = {
      topic: TOPIC,
      lane: 'low',
      upTo: '0@e/5-0.0',
      count: 4,
      reason: 'overflow',
      fetchable: true,
    } as const
    const epoch = {
      topic: TOPIC,
      lane: 'low',
      upTo: '0@f/2-0.999999',
      count: null,
      reason: 'epoch',
      fetchable: false,
    } as const
    peer.send({ type: 'gap', sub, ...overflow })
    peer.send({ type: 'batch', parts: [part(sub, 5, 6)] })
    peer.send({ type: 'gap', sub, ...epoch })
    await until(() => gaps.length === 2, 'both gaps')
    expect([gaps, left, ids, subscription.gaps]).toEqual([
      [{ ...overflow, fetch: expect.any(Function) }, epoch],
      [],
      ['e6'],
      2,
    ])
    expect(subscription.positions).toEqual(vector('0@f/2-0.999999'))
  })

  test('C-REFUSE-1 refusal - that may pass is asked again', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { ready } = client.subscribe(TOPIC, { from: 'earliest' })
    for (let i = 0; i < 2; i++) {
      const { sub } = await peer.take('subscribe')
      peer.send({ type: 'error', sub, code: 'unavailable', message: 'Redis.', retryable: true })
    }
    expect(await grant(peer)).toMatchObject({ from: 'earliest' })
    await ready
  })

  test('C-REFUSE-4 refusal - with retryAfterMs is asked again no sooner, a subscription and a change alike', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC)
    const refuse = async () => {
      const { sub } = await peer.take('subscribe')
      const refusedAt = performance.now()
      const error = { sub, code: 'rate_limited', message: 'Later.', retryable: true, retryAfterMs: 250 } as const
      peer.send({ type: 'error', ...error })
      return refusedAt
    }
    const refusedAt = await refuse()
    await grant(peer)
    expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(249)
    await subscription.ready
    const changed = subscription.change({ maxRate: 2 })
    const changeRefusedAt = await refuse()
    expect(await grant(peer)).toMatchObject({ maxRate: 2 })
    expect(performance.now() - changeRefusedAt).toBeGreaterThanOrEqual(249)
    await changed
  })

  test('C-REFUSE-2 refusal - for good rejects ready and makes the iterator throw', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const subscription = client.subscribe('nope')
    const { sub } = await peer.take('subscribe')
    peer.send({ type: 'error', sub, code: 'unknown_topic', message: 'No.', retryable: false })
    await expect(subscription.ready).rejects.toMatchObject({ code: 'unknown_topic' })
    await expect(drain(subscription)).rejects.toMatchObject({ code: 'unknown_topic' })
    await peer.settled()
    expect(peer.received.map(({ type }) => type)).not.toContain('unsubscribe')
  })

  test('C-REFUSE-2 unsubscribed - what had arrived is iterated, then the reason thrown; nothing is asked again', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC)
    const { sub } = await grant(peer)
    peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
    peer.send({ type: 'unsubscribed', sub, code: 'unknown_topic' })
    await peer.settled()
    const ids: string[] = []
    await expect(drain(subscription, ids)).rejects.toMatchObject({ code: 'unknown_topic' })
    expect(ids).toEqual(['e1', 'e2'])
    peer.socket.terminate()
    const next = await used.server.greeted()
    await next.settled()
    expect(next.received.map(({ type }) => type)).not.toContain('subscribe')
  })

  test('C-REFUSE-3 rights changed - it is asked for again from where it is, until it is refused for good', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { ids, subscription, sub } = await collect(client, peer)
    peer.send({ type: 'batch', parts: [part(sub, 1)] })
    const counts = [{ topic: TOPIC, lane: 'low' as const, conflated: 3 }]
    peer.send({ type: 'unsubscribed', sub, code: 'rights_changed', counts })
    expect(await grant(peer, '0@e/1-0.0')).toMatchObject({
      sub,
      from: { positions: vector('0@e/1-0.0'), absent: 'now' },
    })
    peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
    await until(() => ids.length === 2, 'the second event')
    expect(subscription).toMatchObject({ delivered: 2, repeats: 1, conflated: 3 })
    peer.send({ type: 'unsubscribed', sub, code: 'rights_changed' })
    await peer.take('subscribe')
    peer.send({ type: 'error', sub, code: 'unknown_topic', message: 'No.', retryable: false })
    await expect(subscription.change({})).rejects.toMatchObject({ code: 'unknown_topic' })
    expect(used.server.asked).toHaveLength(1)
  })

  test('C-REFUSE-3 rights changed - a snapshot is asked for again', async () => {
    const client = open()
    const peer = await used.server.greeted()
    client.subscribe(TOPIC, { snapshot: true }, () => {})
    const { sub } = await peer.take('subscribe')
    const granted = { sub, positions: vector(START), recovered: true, onSlow: 'conflate', snapshot: true } as const
    peer.send({ type: 'subscribed', ...granted })
    peer.send({ type: 'batch', parts: [{ ...part(sub, 1), snapshot: 'end' }] })
    peer.send({ type: 'unsubscribed', sub, code: 'rights_changed' })
    expect(await peer.take('subscribe')).toEqual({ type: 'subscribe', sub, topic: TOPIC, snapshot: true })
  })

  test('C-REFUSE-3 rights changed - while a change is unanswered, a new connection is made', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { subscription, sub } = await collect(client, peer)
    const change = subscription.change({ maxRate: 2 })
    await peer.take('subscribe')
    peer.send({ type: 'unsubscribed', sub, code: 'rights_changed' })
    // To the change, which opened another subscription there.
    peer.send({ type: 'subscribed', sub, positions: vector('0@e/9-0.0'), recovered: true, onSlow: 'drop-oldest' })
    const next = await used.server.greeted()
    expect(await grant(next)).toMatchObject({ from: { positions: vector(START) } })
    await grant(next)
    await change
  })

  test('C-CALL-1 callback - what it throws is reported and delivery goes on', async () => {
    const uncaught = vi.fn()
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').once('uncaughtException', uncaught)
    try {
      const client = open()
      const peer = await used.server.greeted()
      const ids: string[] = []
      client.subscribe(TOPIC, {}, ({ id }) => {
        if (ids.push(id) === 1) throw new Error('of the application')
      })
      const { sub } = await grant(peer)
      peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
      await until(() => ids.length === 2 && uncaught.mock.calls.length === 1, 'both events and the error')
      expect(uncaught.mock.calls[0]![0]).toMatchObject({ message: 'of the application' })
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })

  test('close - tells the server once, and what still comes is dropped', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { ids, subscription, sub } = await collect(client, peer)
    subscription.close()
    subscription.close()
    expect(await peer.take('unsubscribe')).toEqual({ type: 'unsubscribe', sub })
    peer.send({ type: 'batch', parts: [part(sub, 1)] })
    peer.send({ type: 'unsubscribed', sub, code: 'ok' })
    await peer.settled()
    expect(ids).toEqual([])
    expect(peer.received.filter(({ type }) => type === 'unsubscribe')).toHaveLength(1)
  })
})

describe('iterate', () => {
  test.each(['callback', 'iterator'])(
    'C-RESUME-3 positions - are those asked for until it is granted, of a(n) %s',
    async (kind) => {
      const client = open()
      const from = { positions: vector('0@e/5-0.0') }
      const subscription =
        kind === 'callback' ? client.subscribe(TOPIC, { from }, () => {}) : client.subscribe(TOPIC, { from })
      expect(subscription.positions).toEqual(from.positions)
      await client.close({ deadlineMs: 0 })
      expect(subscription.positions).toEqual(from.positions)
    },
  )

  test('C-RESUME-2 positions - leave out what still waits for the iterator', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC)
    const { sub } = await grant(peer)
    peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
    peer.send({ type: 'progress', sub, positions: vector('0@e/9-0.999999') })
    await peer.settled()
    expect(subscription.positions).toEqual(vector(START))
    const events = subscription[Symbol.asyncIterator]()
    await events.next()
    expect(subscription.positions).toEqual(vector('0@e/1-0.0'))
    peer.socket.terminate()
    const next = await used.server.greeted()
    expect(await next.take('subscribe')).toMatchObject({ from: { positions: vector('0@e/9-0.999999') } })
    await events.next()
    expect(subscription.positions).toEqual(vector('0@e/2-0.0'))
    const third = events.next()
    await until(() => subscription.positions[TOPIC]!.low![0] === '0@e/9-0.999999', 'the progress taken')
    subscription.close()
    expect(await third).toEqual({ done: true, value: undefined })
  })
})

describe('credit', () => {
  const large = (sub: number, n: number): BatchPart => ({ ...part(sub), events: [event(n, 'x'.repeat(1_500))] })
  const reported = (peer: Peer) =>
    Math.max(0, ...peer.received.map((frame) => (frame.type === 'credit' ? frame.bytes : 0)))

  test('C-CREDIT-1 credit - cumulative bytes of every frame, reported in the turn of the frame that is due', async () => {
    const client = open({ windowBytes: 4_096 })
    const peer = await used.server.greeted()
    const { sub } = await collect(client, peer)
    peer.send({ type: 'batch', parts: [large(sub, 1)] })
    expect((await peer.take('credit')).bytes).toBe(peer.sentBytes)
    peer.sendText(JSON.stringify({ type: 'novelty', text: '€😀'.repeat(200) }))
    expect((await peer.take('credit')).bytes).toBe(peer.sentBytes)
  })

  test('C-CREDIT-2 credit - a paused iterator holds it back, taking gives it', async () => {
    const client = open({ windowBytes: 4_096 })
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC)
    const { sub } = await grant(peer)
    peer.send({ type: 'batch', parts: [{ ...part(sub), events: [...large(sub, 1).events, ...large(sub, 2).events] }] })
    const bytes = peer.sentBytes
    await peer.settled()
    const events = subscription[Symbol.asyncIterator]()
    await events.next()
    await peer.settled()
    expect(reported(peer)).toBeLessThan(bytes - 3_000)
    await events.next()
    await until(() => reported(peer) >= bytes, 'its credit')
  })

  test.each(['closed', 'never opened'])('C-CREDIT-2 credit - events for a subscription %s count', async (which) => {
    const client = open({ windowBytes: 4_096 })
    const peer = await used.server.greeted()
    const { subscription, sub } = await collect(client, peer)
    if (which === 'closed') subscription.close()
    peer.send({ type: 'batch', parts: [large(which === 'closed' ? sub : sub + 9, 1)] })
    expect((await peer.take('credit')).bytes).toBe(peer.sentBytes)
  })

  test('C-CREDIT-2 credit - closing gives back what waited for the iterator', async () => {
    const client = open({ windowBytes: 4_096 })
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC)
    const { sub } = await grant(peer)
    peer.send({ type: 'batch', parts: [large(sub, 1)] })
    const bytes = peer.sentBytes
    await peer.settled()
    expect(reported(peer)).toBeLessThan(bytes - 1_500)
    subscription.close()
    await until(() => reported(peer) >= bytes, 'its credit')
  })

  test('C-CREDIT-3 credit - what is consumed late does not count for a later connection', async () => {
    const client = open({ windowBytes: 4_096 })
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC)
    const { sub } = await grant(peer)
    peer.send({ type: 'batch', parts: [large(sub, 1)] })
    await peer.settled()
    peer.socket.terminate()
    const next = await used.server.greeted()
    await grant(next)
    await subscription[Symbol.asyncIterator]().next()
    await next.settled()
    expect(next.received.map(({ type }) => type)).not.toContain('credit')
    next.send({ type: 'batch', parts: [large(sub + 9, 2)] })
    expect((await next.take('credit')).bytes).toBe(next.sentBytes)
  })
})

async function drain(subscription: Subscription<TopicEvent<string, unknown>>, ids: string[] = []): Promise<void> {
  for await (const { id } of subscription) ids.push(id)
}

describe('slow clients', () => {
  test('C-SLOWSUB-1 counts what was conflated and sampled, by events, gaps and progress alike, and says what was granted', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC, { onSlow: 'conflate', maxRate: 5 })
    const { sub, onSlow, maxRate } = await peer.take('subscribe')
    expect([onSlow, maxRate]).toEqual(['conflate', 5])
    expect(subscription.policy).toBeUndefined()
    peer.send({ type: 'subscribed', sub, positions: vector(START), recovered: true, onSlow: 'sample', maxRate: 2 })
    await subscription.ready
    expect(subscription.policy).toEqual({ onSlow: 'sample', maxRate: 2 })
    peer.send({ type: 'batch', parts: [{ ...part(sub, 1), sampled: 3 }] })
    const gap = { topic: TOPIC, lane: 'low', upTo: '0@e/2-0.0', count: 1, reason: 'overflow', fetchable: true } as const
    peer.send({ type: 'gap', sub, ...gap, conflated: 3 })
    const counts = [{ topic: TOPIC, lane: 'low', conflated: 1, sampled: 1 }] as const
    peer.send({ type: 'progress', sub, positions: vector('0@e/3-0.0'), counts })
    await until(() => subscription.conflated === 4, 'counts')
    expect([subscription.conflated, subscription.sampled]).toEqual([4, 4])
  })

  test('C-CHANGE-1 asks for one change at a time, and keeps what was granted for the next connection', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const subscription = client.subscribe(TOPIC, { maxRate: 5, keys: ['a'] })
    const changes = [subscription.change({ maxRate: 2 }), subscription.change({ maxRate: undefined, onSlow: 'sample' })]
    await grant(peer)
    const first = await peer.take('subscribe')
    expect(first).toMatchObject({ sub: 1, keys: ['a'], maxRate: 2 })
    expect(first).not.toHaveProperty('from')
    await grantChange(peer)
    await changes[0]
    expect(await peer.take('subscribe')).toEqual({
      type: 'subscribe',
      sub: 1,
      topic: TOPIC,
      keys: ['a'],
      onSlow: 'sample',
    })
    used.server.cut()
    const next = await used.server.greeted()
    expect(await next.take('subscribe')).toMatchObject({ keys: ['a'], maxRate: 2, from: { positions: vector(START) } })
    next.send({ type: 'subscribed', sub: 1, positions: vector(START), recovered: true, onSlow: 'drop-oldest' })
    expect(await next.take('subscribe')).toMatchObject({ onSlow: 'sample' })
    await grantChange(next)
    await Promise.all(changes)
  })

  test('C-CHANGE-2 a refused change rejects, and the subscription goes on as it was', async () => {
    const client = open()
    const peer = await used.server.greeted()
    const { subscription, ids, sub } = await collect(client, peer)
    const change = subscription.change({ where: 'data.' })
    await peer.take('subscribe')
    peer.send({ type: 'error', sub, code: 'invalid_filter', message: 'where: column 6', retryable: false })
    await expect(change).rejects.toMatchObject({ code: 'invalid_filter' })
    peer.send({ type: 'batch', parts: [part(sub, 1)] })
    await until(() => ids.length === 1, 'the event')
    const late = subscription.change({ maxRate: 1 })
    subscription.close()
    await expect(late).rejects.toMatchObject({ code: 'closed' })
    await expect(subscription.change({})).rejects.toMatchObject({ code: 'closed' })
  })
})

async function grantChange(peer: Peer): Promise<void> {
  peer.send({ type: 'subscribed', sub: 1, positions: vector(START), recovered: true, onSlow: 'drop-oldest' })
}
