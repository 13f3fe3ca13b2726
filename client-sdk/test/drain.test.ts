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
  client = createClient({ url: server.url })
  statuses = []
})
afterEach(async () => {
  await client.close({ deadlineMs: 0 })
  await server.close()
})

const drain = (peer: Peer, reconnectInMs = 20) =>
  peer.send({ type: 'drain', reconnectInMs, deadlineMs: 5_000, reason: 'deploy' })

test('drain - another connection is made before the first is left, when told (C-DRAIN-1, C-DRAIN-2)', async () => {
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
  expect(client.status).toBe('online')
})

test('drain - what is on its way is answered, the rest is published on the other (C-DRAIN-1)', async () => {
  client.subscribe(TOPIC)
  const first = await server.greeted()
  await grant(first)
  const publish = (id: string) => client.publish('a', { id, data: {} })
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

test('drain - without another gateway the connection is left all the same (C-DRAIN-2)', async () => {
  const first = await server.greeted()
  await until(() => client.status === 'online', 'online')
  client.onStatus((status) => statuses.push(status))
  drain(first)
  const second = await server.peer()
  second.socket.terminate()
  await first.closed
  await server.greeted()
  await until(() => client.status === 'online', 'back')
  expect(statuses).toEqual(['offline', 'connecting', 'online'])
})

test('drain - closed meanwhile, both connections end (C-DRAIN-2)', async () => {
  const first = await server.greeted()
  drain(first)
  const second = await server.peer()
  await client.close({ deadlineMs: 0 })
  await Promise.all([first.closed, second.closed])
})
