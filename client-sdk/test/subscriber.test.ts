import { afterEach, expect, test } from 'vitest'
import { createSubscriber, type Subscriber } from '../src/subscribe-node.ts'
import { until } from './support/scripted-server.ts'
import { event, grant, part, TOPIC } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
let opened: Subscriber | undefined
afterEach(() => opened?.close({ deadlineMs: 0 }))

function open(): Subscriber {
  opened = createSubscriber({ url: used.server.url, connect: true })
  return opened
}

test('C-READER-1 createSubscriber - subscribes and asks, and is nobody who publishes', async () => {
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

test('C-READER-1 createSubscriber - refuses what only a publisher has', () => {
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
