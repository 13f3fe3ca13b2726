import { afterEach, expect, test } from 'vitest'
import { createReader, createSubscriber, type Reader } from '../src/subscribe-node.ts'
import { until } from './support/scripted-server.ts'
import { event, grant, part, TOPIC } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
let opened: Reader | undefined
afterEach(() => opened?.close({ deadlineMs: 0 }))

function open(): Reader {
  opened = createReader({ url: used.server.url, connect: true })
  return opened
}

test('C-READER-1 createReader - subscribes and asks, and is nobody who publishes', async () => {
  const client = open()
  const ids: string[] = []
  client.subscribe(TOPIC, ({ id }) => ids.push(id))
  const topics = client.query('topics')
  const peer = await used.server.peer()
  const hello = await peer.greet()
  expect(Object.keys(hello).sort()).toEqual(['client', 'protocol', 'type', 'windowBytes'])
  const { sub } = await grant(peer)
  const { id } = await peer.take('query')
  peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
  peer.send({ type: 'result', id, data: ['a'] })
  expect(await topics).toEqual(['a'])
  expect(ids).toEqual([event(1).id, event(2).id])
  expect('publish' in client || 'command' in client).toBe(false)
})

test('C-SUBSCRIBER-1 createSubscriber - resumes, drops repeats and states gaps, and asks nothing', async () => {
  await using client = createSubscriber({ url: used.server.url })
  const ids: string[] = []
  const subscription = client.subscribe(TOPIC, ({ id }) => ids.push(id))
  const gaps: unknown[] = []
  subscription.onGap((gap) => gaps.push(gap))
  const peer = await used.server.peer()
  expect(Object.keys(await peer.greet()).sort()).toEqual(['client', 'protocol', 'type', 'windowBytes'])
  const { sub } = await grant(peer)
  peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
  const gap = {
    topic: TOPIC,
    lane: 'low',
    reason: 'overflow',
    after: '0@e/2-0.0',
    upTo: '0@e/4-0.0',
    count: 2,
  } as const
  peer.send({ type: 'gap', sub, fetchable: true, ...gap })
  await until(() => gaps.length === 1, 'its gap')
  expect(gaps).toEqual([{ ...gap, fetchable: false }])
  used.server.cut()
  const next = await used.server.greeted()
  expect((await grant(next, '0@e/4-0.0')).from).toEqual({ positions: { [TOPIC]: { low: ['0@e/4-0.0'] } } })
  next.send({ type: 'batch', parts: [part(sub, 2, 5)] })
  await until(() => ids.length === 3, 'what it missed')
  expect(ids).toEqual([event(1).id, event(2).id, event(5).id])
  expect(subscription).toMatchObject({ delivered: 3, repeats: 1, gaps: 1 })
  expect(client.status.get()).toMatchObject({ state: 'online', lagMs: undefined })
  for (const missing of ['query', 'queryPage', 'publish', 'command']) expect(missing in client, missing).toBe(false)
  for (const missing of ['change', 'ledger']) expect(missing in subscription, missing).toBe(false)
})

test('C-SNAP-3 C-SUBSCRIBER-1 createSubscriber - asks for another snapshot after any gap, as it can fetch none', async () => {
  await using client = createSubscriber({ url: used.server.url })
  client.subscribe(TOPIC, { snapshot: true }, () => {})
  const peer = await used.server.greeted()
  const { sub } = await peer.take('subscribe')
  peer.send({ type: 'subscribed', sub, positions: {}, recovered: true, onSlow: 'drop-oldest', snapshot: true })
  peer.send({ type: 'batch', parts: [{ ...part(sub, 1), snapshot: 'end' }] })
  const where = { topic: TOPIC, lane: 'low', after: '0@e/1-0.0', upTo: '0@e/4-0.0' } as const
  peer.send({ type: 'gap', sub, ...where, reason: 'overflow', count: 3, fetchable: true })
  await peer.take('unsubscribe')
  expect(await peer.take('subscribe')).toMatchObject({ sub, snapshot: true })
})

test('C-SUBSCRIBER-1 createSubscriber - refuses what only a publisher has', () => {
  // @ts-expect-error: there is none
  expect(() => createSubscriber({ url: used.server.url, producer: 'till-7' })).toThrow(
    'createSubscriber has no "producer". It has url, token, WebSocket, windowBytes, connect.',
  )
})

test('C-FRAME-1 frames of types that no part of the client takes are skipped, whatever they are called', async () => {
  const client = open()
  const peer = await used.server.greeted()
  for (const type of ['ack', 'answer', 'epoch', 'constructor', '__proto__', '__defineGetter__', 'hello', 'online'])
    peer.sendText(JSON.stringify({ type }))
  await peer.settled()
  expect(client.status.get().state).toBe('online')
  const closed = client.close()
  await until(() => client.status.get().state === 'closed', 'its end')
  await closed
})
