import { expect, test, vi } from 'vitest'
import type { TidegateError } from '../src/index.ts'
import { until } from './support/scripted-server.ts'
import { event, grant, part, START, TOPIC, vector } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used

/** A callback whose promises the test settles. */
function deferring() {
  const ids: string[] = []
  const pending: { resolve: () => void; reject: (reason: unknown) => void }[] = []
  const callback = ({ id }: { readonly id: string }) => {
    ids.push(id)
    return new Promise<void>((resolve, reject) => pending.push({ resolve, reject }))
  }
  return { ids, callback, next: () => pending.shift()! }
}

test('C-AWAIT-1 the next event of a subscription comes once the promise has settled, and credit after that; others do not wait', async () => {
  const client = open({ windowBytes: 4_096 })
  const peer = await used.server.greeted()
  const slow = deferring()
  const subscription = client.subscribe(TOPIC, slow.callback)
  const { sub } = await grant(peer)
  const ids: string[] = []
  client.subscribe('b', ({ id }) => ids.push(id))
  const other = await grant(peer)
  const reported = () => Math.max(...peer.received.map((frame) => (frame.type === 'credit' ? frame.bytes : 0)))
  peer.send({ type: 'batch', parts: [{ ...part(sub), events: [event(1, 'x'.repeat(600)), event(2)] }] })
  peer.send({ type: 'batch', parts: [part(other.sub, 1, 2)] })
  await until(() => ids.length === 2, 'those of the other one')
  await peer.settled()
  expect(slow.ids).toEqual(['e1'])
  expect(subscription).toMatchObject({ delivered: 1, positions: vector('0@e/1-0.0') })
  slow.next().resolve()
  await until(() => slow.ids.length === 2, 'the next one')
  expect(subscription.positions).toEqual(vector('0@e/2-0.0'))
  expect(reported()).toBeLessThan(peer.sentBytes - 600)
  slow.next().resolve()
  peer.send({ type: 'batch', parts: [{ ...part(other.sub), events: [event(3, 'x'.repeat(600))] }] })
  await until(() => reported() > peer.sentBytes - 600, 'its credit')
})

test('C-AWAIT-2 a promise that is rejected is reported, and the next events come', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const client = open()
  const peer = await used.server.greeted()
  const { ids, callback, next } = deferring()
  const subscription = client.subscribe(TOPIC, callback)
  const { sub } = await grant(peer)
  peer.send({ type: 'batch', parts: [part(sub, 1, 2, 3)] })
  await until(() => ids.length === 1, 'the first')
  next().reject(new Error('disk full'))
  await until(() => ids.length === 2, 'the second')
  expect(warn.mock.calls[0]![0]).toBe(
    `Tidegate: A callback of the subscription to ${TOPIC} failed: Error: disk full [callback_failed]`,
  )
  const errors: TidegateError[] = []
  subscription.onError((error) => errors.push(error))
  const cause = new Error('disk still full')
  next().reject(cause)
  await until(() => ids.length === 3, 'the third')
  expect(errors).toMatchObject([{ code: 'callback_failed', cause }])
  expect(warn).toHaveBeenCalledTimes(1)
  warn.mockRestore()
})

test('C-AWAIT-3 with concurrent nothing waits, and what is rejected is reported', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const { ids, callback, next } = deferring()
  const subscription = client.subscribe(TOPIC, { concurrent: true }, callback)
  const asked = await grant(peer)
  expect(asked).toEqual({ type: 'subscribe', sub: asked.sub, topic: TOPIC })
  const errors: TidegateError[] = []
  subscription.onError((error) => errors.push(error))
  peer.send({ type: 'batch', parts: [part(asked.sub, 1, 2, 3)] })
  await until(() => ids.length === 3, 'all')
  next().reject('no')
  await until(() => errors.length === 1, 'the error')
})

test('C-AWAIT-1 closing drops what waits and gives its bytes back; an end by the server hands it over first', async () => {
  const client = open({ windowBytes: 4_096 })
  const peer = await used.server.greeted()
  const closed = deferring()
  const ended = deferring()
  const [first, second] = [client.subscribe(TOPIC, closed.callback), client.subscribe('b', ended.callback)]
  second.onError(() => {})
  const one = await grant(peer)
  const two = await grant(peer)
  peer.send({ type: 'batch', parts: [{ ...part(one.sub), events: [event(1), event(2, 'x'.repeat(1_500))] }] })
  peer.send({ type: 'batch', parts: [part(two.sub, 1, 2)] })
  peer.send({ type: 'unsubscribed', sub: two.sub, code: 'unknown_topic' })
  await peer.settled()
  first.close()
  await peer.take('credit')
  closed.next().resolve()
  ended.next().resolve()
  await until(() => ended.ids.length === 2, 'the second')
  expect(closed.ids).toEqual(['e1'])
})

test('C-AWAIT-4 C-SNAP-4 snapshots begin, complete and synchronise in order with the events of a callback that is awaited', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const { ids, callback, next } = deferring()
  const subscription = client.subscribe(TOPIC, { snapshot: true }, callback)
  subscription.onSnapshot((moment) => ids.push(moment))
  let isSynced = false
  void subscription.synced.then(() => {
    isSynced = true
  })
  const { sub } = await peer.take('subscribe')
  const granted = { positions: vector(START), recovered: true, onSlow: 'conflate', snapshot: true } as const
  peer.send({ type: 'subscribed', sub, ...granted })
  peer.send({ type: 'batch', parts: [{ ...part(sub, 1, 2), snapshot: 'end' }, part(sub, 3)] })
  await peer.settled()
  expect(ids).toEqual(['begins', 'e1'])
  next().resolve()
  await until(() => ids.length === 3, 'the second')
  await peer.settled()
  expect(isSynced).toBe(false)
  next().resolve()
  await until(() => ids.length === 5, 'what follows')
  expect(ids).toEqual(['begins', 'e1', 'e2', 'complete', 'e3'])
  expect(isSynced).toBe(true)
})

test('C-AWAIT-5 listeners of an entity and of presence are awaited like callbacks', async () => {
  const client = open()
  const peer = await used.server.greeted()
  const user = client.entity('user', '42')
  const states = deferring()
  user.onChange((state) => states.callback({ id: `v${(state as { version: number }).version}` }))
  const changes = deferring()
  client.presence('room').onChange(({ subject }) => changes.callback({ id: subject }))
  const granted = { positions: {}, recovered: true, onSlow: 'conflate', snapshot: true } as const
  const [one, two] = [await peer.take('subscribe'), await peer.take('subscribe')]
  for (const { sub } of [one, two]) peer.send({ type: 'subscribed', sub, ...granted })
  const states3 = [1, 2, 3].map((n) => event(n, { version: n, state: {} }))
  peer.send({ type: 'batch', parts: [{ ...part(one.sub), topic: one.topic, events: states3 }] })
  const present = ['ada', 'bob'].map((key, n) => ({ ...event(n + 1, { connections: 1, joinedAt: 1 }), key }))
  peer.send({ type: 'batch', parts: [{ ...part(two.sub), topic: two.topic, events: present, snapshot: 'end' }] })
  await peer.settled()
  expect([states.ids, changes.ids]).toEqual([['v1'], ['ada']])
  states.next().resolve()
  changes.next().resolve()
  await until(() => states.ids.length === 2 && changes.ids.length === 2, 'the next ones')
  expect([states.ids, changes.ids]).toEqual([
    ['v1', 'v2'],
    ['ada', 'bob'],
  ])
  changes.next().resolve()
  states.next().reject(new Error('no'))
  await until(() => states.ids.length === 3, 'the third')
  states.next().resolve()
})
