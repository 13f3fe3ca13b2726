import { createClient } from '@tidegate/client/node'
import { describe, expect, it } from 'vitest'
import { readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const server = await useGateway()
const redis = await useConnection(server.redis.url)

async function storedIds(): Promise<string[]> {
  const pages = await Promise.all(
    [0, 1, 2, 3].map((p) => fetch(`${server.url}/v1/history?topic=sensor.reading&partition=${p}`)),
  )
  const bodies = (await Promise.all(pages.map((page) => page.json()))) as { events: { id: string }[] }[]
  return bodies.flatMap(({ events }) => events.map(({ id }) => id))
}

describe('a log that Redis lost', () => {
  it('G-EPOCH-1 C-KEEP-2 an idle client stores again what it had been acknowledged, in order', async () => {
    const client = createClient({ url: server.url })
    const ids = Array.from({ length: 20 }, (_, i) => `idle-${i}`)
    for (const id of ids) await client.publish('sensor.reading', { id, ...readingOf('s-1') })
    await redis.flushall()
    await expect.poll(storedIds, { timeout: 5_000 }).toEqual(ids)
    await client.publish('sensor.reading', { id: 'after', ...readingOf('s-1') })
    expect(await storedIds()).toEqual([...ids, 'after'])
    await client.close({ deadlineMs: 1_000 })
  })

  it('G-EPOCH-1 publishers are told, those who come later after welcome, and others not', async () => {
    const publisher = await RawClient.greeted(server.port, { producer: 'p-1', session: 1 })
    const reader = await RawClient.greeted(server.port)
    publisher.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: [readingOf('s-1')] })
    const [at] = (await publisher.next('ack')).at as [string]
    const before = at.split('/')[0]!
    await redis.flushall()
    const epochs = new Map<string, string>()
    while (epochs.size < 4) {
      for (const text of (await publisher.next('epoch')).at as string[]) epochs.set(text.split('@')[0]!, text)
    }
    const late = await RawClient.greeted(server.port, { producer: 'p-1', session: 2, epochs: [before] })
    await expect
      .poll(() => late.frames.find(({ type }) => type === 'epoch')?.at)
      .toEqual([epochs.get(before.split('@')[0]!)])
    const fresh = await RawClient.greeted(server.port, { producer: 'p-2', session: 1 })
    fresh.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: [readingOf('s-1')] })
    await fresh.next('ack')
    expect([...fresh.frames, ...reader.frames].filter(({ type }) => type === 'epoch')).toEqual([])
    for (const client of [publisher, reader, late, fresh]) client.close()
  })
})
