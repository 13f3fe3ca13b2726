import type { BatchPart } from '@tidegate/protocol'
import { expect, test } from 'vitest'
import { type Peer, until } from './support/scripted-server.ts'
import { event, grant, part } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used
/** More than a quarter of it is held back by two large events. */
const windowBytes = 4_096
const large = (sub: number, ...numbers: number[]): BatchPart => ({
  ...part(sub),
  events: numbers.map((n) => event(n, 'x'.repeat(800))),
})
const pauses = (peer: Peer) =>
  peer.received.flatMap((frame) => (frame.type === 'credit' && frame.subs ? [frame.subs] : []))

test('C-PAUSE-1 an iterator that nobody reads is paused alone; its sibling gets everything, and it continues when it is read', async () => {
  const client = open({ windowBytes })
  const peer = await used.server.greeted()
  const unread = client.subscribe('a')
  const slow = await grant(peer)
  const ids: string[] = []
  client.subscribe('b', ({ id }) => ids.push(id))
  const quick = await grant(peer)
  peer.send({ type: 'batch', parts: [large(slow.sub, 1)] })
  await peer.settled()
  expect(pauses(peer)).toEqual([])
  peer.send({ type: 'batch', parts: [large(slow.sub, 2, 3)] })
  await peer.settled()
  expect(pauses(peer)).toEqual([{ [slow.sub]: 0 }])
  // What is unread, and still comes, holds back nobody.
  peer.send({ type: 'batch', parts: [large(slow.sub, 4, 5)] })
  peer.send({ type: 'batch', parts: [large(quick.sub, 1, 2)] })
  await peer.settled()
  expect(ids).toEqual(['e1', 'e2'])
  expect(Math.max(...peer.received.map((frame) => (frame.type === 'credit' ? frame.bytes : 0)))).toBeGreaterThan(
    peer.sentBytes - windowBytes / 4 - 100,
  )
  const read: string[] = []
  for await (const { id } of unread) {
    read.push(id)
    if (read.length === 3) expect(pauses(peer)).toHaveLength(1)
    if (read.length === 5) break
  }
  expect(read).toEqual(['e1', 'e2', 'e3', 'e4', 'e5'])
  await until(() => pauses(peer).length === 2, 'its end')
  expect(pauses(peer)[1]).toEqual({ [slow.sub]: null })
})

test('C-PAUSE-1 frames that also have events of a subscription that is read are held back by those that are not', async () => {
  const client = open({ windowBytes })
  const peer = await used.server.greeted()
  client.subscribe('a')
  const slow = await grant(peer)
  client.subscribe('b', () => {})
  const quick = await grant(peer)
  // A third of each frame is unread: all of it waits for that.
  peer.send({ type: 'batch', parts: [large(slow.sub, 1), large(quick.sub, 1, 2)] })
  await until(() => pauses(peer).length === 1, 'the pause')
  expect(pauses(peer)).toEqual([{ [slow.sub]: 0 }])
  await until(() => peer.received.some((frame) => frame.type === 'credit' && frame.bytes > 2_400), 'its credit')
})

test('C-PAUSE-2 is paused again on the next connection', async () => {
  const client = open({ windowBytes })
  const peer = await used.server.greeted()
  client.subscribe('a')
  const { sub } = await grant(peer)
  client.subscribe('b', () => {})
  await grant(peer)
  peer.send({ type: 'batch', parts: [large(sub, 1, 2, 3)] })
  await until(() => pauses(peer).length === 1, 'the pause')
  peer.socket.terminate()
  const next = await used.server.greeted()
  await grant(next)
  await next.settled()
  expect(pauses(next)).toEqual([{ [sub]: 0 }])
  const types = next.received.map(({ type }) => type)
  expect(types.indexOf('credit')).toBeGreaterThan(types.indexOf('subscribe'))
})

test('C-PAUSE-1 a subscription that is alone is held back by the window only, until another one is opened', async () => {
  const client = open({ windowBytes })
  const peer = await used.server.greeted()
  client.subscribe('a')
  const { sub } = await grant(peer)
  peer.send({ type: 'batch', parts: [large(sub, 1, 2, 3)] })
  await peer.settled()
  expect(pauses(peer)).toEqual([])
  client.subscribe('b', () => {})
  await until(() => pauses(peer).length === 1, 'the pause')
})

test('C-PAUSE-3 of several that share one, the reader that is behind gets one of its own, which is paused', async () => {
  const client = open({ windowBytes })
  const peer = await used.server.greeted()
  const behind = client.subscribe('a')
  const ids: string[] = []
  client.subscribe('a', ({ id }) => ids.push(id))
  const shared = await grant(peer)
  peer.send({ type: 'batch', parts: [{ ...large(shared.sub, 1, 2, 3), topic: 'a' }] })
  const own = await peer.take('subscribe')
  expect(own).toMatchObject({ topic: 'a', from: { positions: { a: { low: ['0@e/3-0.0'] } } } })
  expect(own.sub).not.toBe(shared.sub)
  await until(() => pauses(peer).length === 1, 'the pause')
  expect(pauses(peer)).toEqual([{ [own.sub]: 0 }])
  peer.send({ type: 'batch', parts: [{ ...large(shared.sub, 4), topic: 'a' }] })
  await until(() => ids.length === 4, 'the fourth')
  expect(behind.delivered).toBe(0)
})
