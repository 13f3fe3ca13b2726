import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TidegateClient } from '../src/index.ts'
import { createClient } from '../src/node.ts'
import { type Peer, ScriptedServer, until } from './support/scripted-server.ts'
import { event, grant, part, TOPIC } from './support/subscription-frames.ts'

let server: ScriptedServer
let client: TidegateClient
let statuses: string[]

beforeEach(async () => {
  server = await ScriptedServer.start()
  client = createClient({ url: server.url, connect: true })
  statuses = []
})
afterEach(async () => {
  await client.close({ deadlineMs: 0 })
  await server.close()
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const drain = (peer: Peer, reconnectInMs = 20) =>
  peer.send({ type: 'drain', reconnectInMs, deadlineMs: 5_000, reason: 'deploy' })

test('C-DRAIN-1 C-DRAIN-2 drain - another connection is made before the first is left, when told', async () => {
  const ids: string[] = []
  const subscription = client.subscribe(TOPIC, {}, ({ id }) => ids.push(id))
  const first = await server.greeted()
  const { sub } = await grant(first)
  first.send({ type: 'batch', parts: [part(sub, 1)] })
  await until(() => ids.length === 1, 'an event')
  client.onStatus((status) => statuses.push(status))
  const drainedAt = performance.now()
  drain(first, 60)
  const second = await server.peer()
  expect(performance.now() - drainedAt).toBeGreaterThanOrEqual(59)
  await second.greet()
  const asked = await second.take('subscribe')
  expect(asked.from).toEqual({ positions: { [TOPIC]: { low: [event(1).at] } } })
  // Both deliver now.
  first.send({ type: 'batch', parts: [part(sub, 2, 3)] })
  await until(() => ids.length === 3, 'events of the first')
  const positions = { [TOPIC]: { low: [event(1).at] } }
  second.send({ type: 'subscribed', sub, positions, recovered: true, onSlow: 'drop-oldest' })
  second.send({ type: 'batch', parts: [part(sub, 2, 3, 4)] })
  await until(() => ids.length === 4, 'the event that is new')
  expect(await first.closed).toBe(1_000)
  expect(ids).toEqual(['e1', 'e2', 'e3', 'e4'])
  expect(subscription.repeats).toBe(2)
  expect(statuses).toEqual([])
  expect(client.status.get().state).toBe('online')
})

test('C-DRAIN-1 drain - what is on its way is answered, the rest is published on the other', async () => {
  client.subscribe(TOPIC)
  const first = await server.greeted()
  await grant(first)
  const publish = (id: string) => client.publish(id, { id, data: {} })
  const receipts = [publish('a'), publish('b')]
  await first.takePublishes(2)
  drain(first)
  const second = await server.peer()
  receipts.push(publish('c'))
  first.ack(1)
  await receipts[0]
  const { session } = await second.greet()
  expect(session).toBeGreaterThan(0)
  expect((await second.takePublishes(2)).map(({ seq }) => seq)).toEqual([2, 3])
  expect(first.received.filter(({ type }) => type === 'publish')).toHaveLength(2)
  // What the first says of a frame that went again on the second is about an older session.
  first.reject(2, 'conflict')
  first.send({ type: 'drain', reconnectInMs: 0, deadlineMs: 0, reason: 'late' })
  await grant(second)
  await first.closed
  second.ack(2)
  second.ack(3)
  expect(await Promise.all(receipts)).toHaveLength(3)
})

test('C-DRAIN-2 drain - without another gateway the connection is left all the same', async () => {
  const first = await server.greeted()
  await until(() => client.status.get().state === 'online', 'online')
  client.onStatus((status) => statuses.push(status))
  drain(first)
  const second = await server.peer()
  second.socket.terminate()
  await first.closed
  await server.greeted()
  await until(() => client.status.get().state === 'online', 'back')
  expect(statuses).toEqual(['offline', 'connecting', 'online'])
})

test('C-CLOSE-1 drain - where the other gateway refuses, the client waits as it says', async () => {
  const first = await server.greeted()
  drain(first)
  const second = await server.peer()
  const refusedAt = performance.now()
  second.socket.close(4_029, JSON.stringify({ retryAfterMs: 250 }))
  await server.greeted()
  expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(249)
})

test('C-DRAIN-2 drain - closed meanwhile, both connections end', async () => {
  const first = await server.greeted()
  drain(first)
  const second = await server.peer()
  await client.close({ deadlineMs: 0 })
  await Promise.all([first.closed, second.closed])
})

test('C-DRAIN-3 drain - said again while the other connection is made, it makes no third', async () => {
  client.subscribe(TOPIC)
  const first = await server.greeted()
  await grant(first)
  drain(first, 0)
  const second = await server.peer()
  drain(first, 0)
  await first.settled()
  await pause(50)
  expect(server.asked).toHaveLength(2)
  await second.greet()
  await grant(second)
  expect(await first.closed).toBe(1_000)
  await second.settled()
  expect(server.asked).toHaveLength(2)
})

test('C-DRAIN-4 drain - of a gateway that has not greeted yet, it is left for another one, when told', async () => {
  const first = await server.peer()
  await first.take('hello')
  client.onStatus((status) => statuses.push(status))
  const drainedAt = performance.now()
  drain(first, 60)
  expect(await first.closed).toBe(1_000)
  await server.greeted()
  expect(performance.now() - drainedAt).toBeGreaterThanOrEqual(59)
  await until(() => client.status.get().state === 'online', 'online')
  expect(statuses).toEqual(['offline', 'connecting', 'online'])
})

test('C-DRAIN-5 drain - of the next gateway while the first still delivers: the first is left', async () => {
  client.subscribe(TOPIC)
  const first = await server.greeted()
  await grant(first)
  drain(first, 0)
  const second = await server.greeted()
  drain(second, 0)
  expect(await first.closed).toBe(1_000)
  const third = await server.greeted()
  await grant(third)
  expect(await second.closed).toBe(1_000)
  expect(server.asked).toHaveLength(3)
})

test('C-SILENCE-2 silence - of the next gateway ends its connection, whatever the first one still delivers', async () => {
  client.subscribe(TOPIC)
  const first = await server.greeted()
  const { sub } = await grant(first)
  drain(first, 0)
  const second = await server.greeted({ pingMs: 40 })
  let index = 1
  const delivering = setInterval(() => first.send({ type: 'batch', parts: [part(sub, index++)] }), 20)
  expect(await second.closed).toBe(1_000)
  clearInterval(delivering)
})
