import { expect, test } from 'vitest'
import { type Peer, until } from './support/scripted-server.ts'
import { grant, part, START, TOPIC, vector } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used

const subscribes = (peer: Peer) => peer.received.filter(({ type }) => type === 'subscribe').length
const snapshotOf = (peer: Peer, sub: number, at = START) =>
  peer.send({
    type: 'subscribed',
    sub,
    positions: vector(at),
    recovered: true,
    onSlow: 'conflate',
    snapshot: true,
  })

test('C-SHARE-1 equal subscriptions are one on the wire; closing one leaves the others', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const got: string[][] = []
  const opened = Array.from({ length: 100 }, (_, i) => {
    got[i] = []
    return client.subscribe(TOPIC, { keys: ['k'], onSlow: 'conflate' }, ({ id }) => got[i]!.push(id))
  })
  const { sub } = await grant(peer)
  await Promise.all(opened.map(({ ready }) => ready))
  peer.send({ type: 'batch', parts: [part(sub, 1)] })
  await until(() => got[99]!.length === 1, 'the first')
  opened[0]!.close()
  peer.send({ type: 'batch', parts: [part(sub, 2)] })
  await until(() => got[99]!.length === 2, 'the second')
  expect(got.map((ids) => ids.length)).toEqual([1, ...Array(99).fill(2)])
  expect(opened.map(({ delivered }) => delivered)).toEqual(got.map((ids) => ids.length))
  expect(opened[0]!.positions).toEqual(vector('0@e/1-0.0'))
  expect(subscribes(peer)).toBe(1)
  for (const each of opened) each.close()
  await peer.take('unsubscribe')
  await peer.settled()
  expect(peer.received.filter(({ type }) => type === 'unsubscribe')).toHaveLength(1)
})

test('C-SHARE-1 others are not shared: options that differ, and whatever says where it begins', async () => {
  const client = open()
  const peer = await used.server.greeted()
  client.subscribe(TOPIC, () => {})
  for (const options of [
    { keys: ['k'] },
    { from: 'earliest' },
    { from: 'earliest' },
    { from: { positions: vector(START) } },
  ] as const)
    client.subscribe(TOPIC, options, () => {})
  client.subscribe(TOPIC, { from: 'now', concurrent: true }, () => {})
  await peer.settled()
  expect(subscribes(peer)).toBe(5)
})

test('C-SHARE-2 who joins later is ready at once, where the others are, and gets what comes from there on', async () => {
  const client = open()
  const peer = await used.server.greeted()
  client.subscribe(TOPIC, () => {})
  const { sub } = await grant(peer)
  peer.send({ type: 'batch', parts: [part(sub, 1)] })
  await peer.settled()
  const ids: string[] = []
  const late = client.subscribe(TOPIC, ({ id }) => ids.push(id))
  await late.ready
  await late.synced
  expect(late).toMatchObject({ delivered: 0, positions: vector('0@e/1-0.0'), policy: { onSlow: 'drop-oldest' } })
  peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
  await until(() => ids.length === 1, 'the next one')
  const ledger = late.ledger()
  const { id } = await peer.take('query')
  const data = { matched: 7, delivered: 3, conflated: 1, sampled: 0, gapped: 2, queued: 1 }
  peer.send({ type: 'result', id, data })
  // Before it joined one was delivered.
  expect(await ledger).toEqual({ ...data, matched: 6, delivered: 2 })
  expect(ids).toEqual(['e2'])
})

test('C-SHARE-2 C-SHARE-5 who joins a snapshot late gets one of its own, and is one with the others once it is at their place', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const first: string[] = []
  client.subscribe(TOPIC, { snapshot: true }, ({ id }) => first.push(id))
  const { sub } = await peer.take('subscribe')
  snapshotOf(peer, sub)
  peer.send({ type: 'batch', parts: [{ ...part(sub, 1), snapshot: 'end' }] })
  peer.send({ type: 'batch', parts: [part(sub, 2)] })
  await until(() => first.length === 2, 'what it has')
  const seen: string[] = []
  const late = client.subscribe(TOPIC, { snapshot: true }, ({ id, snapshot }) =>
    seen.push(`${id}${snapshot ? '*' : ''}`),
  )
  const own = await peer.take('subscribe')
  snapshotOf(peer, own.sub, '0@e/3-0.0')
  peer.send({ type: 'batch', parts: [{ ...part(own.sub, 3), snapshot: 'end' }] })
  await late.synced
  expect(peer.received.some(({ type }) => type === 'unsubscribe')).toBe(false)
  peer.send({ type: 'batch', parts: [part(sub, 3, 4), part(own.sub, 4)] })
  expect(await peer.take('unsubscribe')).toMatchObject({ sub: own.sub })
  peer.send({ type: 'batch', parts: [part(own.sub, 5), part(sub, 5)] })
  await until(() => first.length === 5, 'all')
  expect(first).toEqual(['e1', 'e2', 'e3', 'e4', 'e5'])
  expect(seen).toEqual(['e3*', 'e4', 'e5'])
})

test('C-SHARE-3 a change of one of them splits it off, from where it is', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const ids: string[] = []
  const other: string[] = []
  client.subscribe(TOPIC, ({ id }) => other.push(id))
  const changed = client.subscribe(TOPIC, ({ id }) => ids.push(id))
  const { sub } = await grant(peer)
  peer.send({ type: 'batch', parts: [part(sub, 1)] })
  await until(() => ids.length === 1, 'the first')
  const change = changed.change({ maxRate: 2 })
  const own = await grant(peer, '0@e/1-0.0')
  expect(own).toEqual({ type: 'subscribe', sub: own.sub, topic: TOPIC, from: { positions: vector('0@e/1-0.0') } })
  const asked = await peer.take('subscribe')
  expect(asked).toEqual({ type: 'subscribe', sub: own.sub, topic: TOPIC, maxRate: 2 })
  peer.send({ type: 'subscribed', sub: own.sub, positions: {}, recovered: true, onSlow: 'drop-oldest', maxRate: 2 })
  await change
  peer.send({ type: 'batch', parts: [part(sub, 2), part(own.sub, 2)] })
  await until(() => ids.length === 2 && other.length === 2, 'the second')
  expect(changed.policy).toEqual({ onSlow: 'drop-oldest', maxRate: 2 })
})

test('C-SHARE-3 where none can be split off, a change is refused and nothing ends', async () => {
  const client = open()
  const peer = await used.server.greeted()
  for (let i = 0; i < 63; i++) client.subscribe(`t${i}`, () => {})
  const subscriptions = [client.subscribe(TOPIC, () => {}), client.subscribe(TOPIC, () => {})]
  await expect(subscriptions[1]!.change({ maxRate: 1 })).rejects.toMatchObject({ code: 'too_many_subscriptions' })
  await peer.settled()
  expect(subscribes(peer)).toBe(64)
})

test('C-SHARE-4 on a new connection all that share one resume at once; a refusal reaches each of them', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const subscriptions = [client.subscribe(TOPIC, () => {}), client.subscribe(TOPIC, () => {})]
  const errors: string[] = []
  for (const each of subscriptions) each.onError(({ code }) => errors.push(code))
  const { sub } = await grant(peer)
  peer.send({ type: 'batch', parts: [part(sub, 1)] })
  await until(() => subscriptions[1]!.delivered === 1, 'the event')
  peer.socket.terminate()
  const next = await used.server.greeted()
  expect(await grant(next, '0@e/1-0.0')).toMatchObject({ sub, from: { positions: vector('0@e/1-0.0') } })
  next.send({ type: 'batch', parts: [part(sub, 1, 2)] })
  await until(() => subscriptions[1]!.delivered === 2, 'the second')
  expect(subscriptions.map(({ repeats }) => repeats)).toEqual([1, 1])
  next.send({ type: 'unsubscribed', sub, code: 'unknown_topic' })
  await until(() => errors.length === 2, 'both')
  expect(subscribes(next)).toBe(1)
})
