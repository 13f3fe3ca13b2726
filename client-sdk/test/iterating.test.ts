import { expect, test } from 'vitest'
import type { Subscription, TopicEvent } from '../src/index.ts'
import { grant, part, TOPIC } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used

async function drain(subscription: Subscription<TopicEvent<string, unknown>>): Promise<void> {
  for await (const _ of subscription);
}

test('C-ITER-1 iterator - yields what waited and what comes, in order', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const subscription = client.subscribe(TOPIC)
  const { sub } = await grant(peer)
  peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
  await peer.settled()
  const ids: string[] = []
  for await (const { id } of subscription) {
    ids.push(id)
    if (id === 'e2') peer.send({ type: 'batch', parts: [part(sub, 3)] })
    if (id === 'e3') break
  }
  expect(ids).toEqual(['e1', 'e2', 'e3'])
  expect(await peer.take('unsubscribe')).toEqual({ type: 'unsubscribe', sub })
})

test.each(['subscription', 'client'] as const)('C-ITER-1 close of the %s - ends a loop that waits', async (what) => {
  const client = open()
  const peer = await used.server.greeted()
  const subscription = client.subscribe(TOPIC)
  await grant(peer)
  const drained = drain(subscription)
  if (what === 'subscription') subscription.close()
  else await client.close({ deadlineMs: 0 })
  await drained
})

test('C-ITER-1 return of an iterator that waits - closes the subscription at once, and the wait is over', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const subscription = client.subscribe(TOPIC)
  const { sub } = await grant(peer)
  const iterator = subscription[Symbol.asyncIterator]()
  const [one, two] = [iterator.next(), iterator.next()]
  peer.send({ type: 'batch', parts: [part(sub, 1, 2)] })
  expect([(await one).value.id, (await two).value.id]).toEqual(['e1', 'e2'])
  const waiting = iterator.next()
  expect(await iterator.return!()).toEqual({ done: true, value: undefined })
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(await peer.take('unsubscribe')).toEqual({ type: 'unsubscribe', sub })
})

test('C-ITER-1 return of an iterator that was never asked - closes the subscription', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const subscription = client.subscribe(TOPIC)
  const { sub } = await grant(peer)
  await subscription[Symbol.asyncIterator]().return!()
  expect(await peer.take('unsubscribe')).toEqual({ type: 'unsubscribe', sub })
})

test('C-ITER-2 a subscription with a callback - cannot be iterated', async () => {
  const subscription = open().subscribe(TOPIC, () => {})
  await expect(drain(subscription)).rejects.toThrow(
    new TypeError(`A callback or another loop takes the events of the subscription to ${TOPIC}.`),
  )
})

test.each(['runs', 'was left'])('C-ITER-2 a second loop - cannot take the events of one that %s', async (how) => {
  const subscription = open().subscribe(TOPIC)
  const first = subscription[Symbol.asyncIterator]()
  if (how === 'was left') await first.return!()
  await expect(drain(subscription)).rejects.toThrow(
    new TypeError(`A callback or another loop takes the events of the subscription to ${TOPIC}.`),
  )
})
