import { expect, test } from 'vitest'
import { openOutbox, type RestoredOutcome } from '../../src/outbox-store.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { useServer } from '../support/use-server.ts'

const used = useServer()

/** A client of a run that begins with the lines that the run before has left. */
async function openRun(lines: readonly string[], outbox: { maxAgeMs?: number } = {}, isHeard = true) {
  const log = new MemoryLog(lines)
  const outcomes: RestoredOutcome[] = []
  const onRestored = isHeard ? (outcome: RestoredOutcome) => outcomes.push(outcome) : undefined
  const store = await openOutbox(log, { onRestored })
  return { client: used.open({ outbox: { store, ...outbox } }), store, log, outcomes }
}

const publish = (client: ReturnType<typeof used.open>, ids: readonly string[]) =>
  ids.map(async (id) => client.publish('sensor.reading', { id, data: {} }))

const codes = async (calls: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).map((call) => (call.status === 'fulfilled' ? 'stored' : call.reason.code))

test('C-STORE-2 C-STORE-5 C-STORE-7 run - has what the one before left, as the same frames, and says what became of it', async () => {
  const first = await openRun([])
  const calls = publish(first.client, ['a', 'b', 'c'])
  const peer = await used.server.peer()
  const { producer } = await peer.greet({ sequence: '7' })
  const frames = await peer.takePublishes(3)
  peer.ack(1)
  await calls[0]
  await first.client.close({ deadlineMs: 0 })
  expect(await codes(calls)).toEqual(['stored', 'closed', 'closed'])

  const { client, store, outcomes, log } = await openRun(first.log.lines)
  const next = await used.server.peer()
  expect(await next.greet({ sequence: '7' })).toMatchObject({ producer, sequence: '7' })
  const again = await next.takePublishes(2)
  expect(again).toEqual(frames.slice(1).map((frame) => ({ ...frame, ageMs: expect.any(Number) })))
  const [later] = publish(client, ['later'])
  expect((await next.take('publish')).seq).toBeGreaterThan(1_000)
  next.ack(2)
  next.reject(3, 'conflict')
  await expect.poll(() => outcomes.length).toBe(2)
  expect(outcomes).toMatchObject([
    { topic: 'sensor.reading', events: [{ id: 'b' }], receipt: { at: ['0@e/2-0.0'] } },
    { topic: 'sensor.reading', events: [{ id: 'c' }], error: { code: 'conflict' } },
  ])
  expect(store.size).toBe(1)
  await client.close({ deadlineMs: 0 })
  await expect(later).rejects.toMatchObject({ code: 'closed' })
  expect(outcomes.length).toBe(2)
  expect((await openRun(log.lines)).store.size).toBe(1)
})

test('C-STORE-5 run - whose outcomes nobody asked for reports what was not stored as an error', async () => {
  const first = await openRun([])
  for (const call of publish(first.client, ['a'])) call.catch(() => {})
  await used.server.peer()
  await first.client.close({ deadlineMs: 0 })
  const { client } = await openRun(first.log.lines, {}, false)
  const errors: string[] = []
  client.onError(({ code }) => errors.push(code))
  const peer = await used.server.greeted({ sequence: '7' })
  const { seq } = await peer.take('publish')
  peer.reject(seq, 'conflict')
  await expect.poll(() => errors).toEqual(['conflict'])
})

test('C-STORE-6 run - what waits becomes too old only if that is asked for, counted from the call', async () => {
  const first = await openRun([])
  const calls = publish(first.client, ['a'])
  await first.client.close({ deadlineMs: 0 })
  expect(await codes(calls)).toEqual(['closed'])
  const second = await openRun(first.log.lines)
  await new Promise((resolve) => setTimeout(resolve, 20))
  await second.client.close({ deadlineMs: 0 })
  expect(second.outcomes).toEqual([])
  const { outcomes, store } = await openRun(second.log.lines, { maxAgeMs: 10 })
  await expect.poll(() => outcomes).toMatchObject([{ events: [{ id: 'a' }], error: { code: 'outbox_expired' } }])
  expect(store.size).toBe(0)
})

test('C-STORE-1 publish - of what the store cannot keep rejects, and nothing of it is sent', async () => {
  const { client, log } = await openRun([])
  const peer = await used.server.greeted({ sequence: '7' })
  log.isFull = true
  expect(await codes(publish(client, ['a', 'b']))).toEqual(['store_failed', 'store_failed'])
  log.isFull = false
  const [kept] = publish(client, ['c'])
  const { seq, events } = await peer.take('publish')
  expect(events).toMatchObject([{ id: 'c' }])
  peer.ack(seq)
  await kept
})
