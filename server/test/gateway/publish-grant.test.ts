import { createClient } from '@tidegate/client/node'
import { describe, expect, it } from 'vitest'
import { readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

// Longer than Redis is held up here: what is slow is to be answered.
const server = await useGateway(undefined, { appendDeadlineMs: 2_000 })
const redis = await useConnection(server.redis.url)

/** Keeps Redis from writing for a time, as a slow disk does. */
const holdWrites = (ms: number) => redis.call('CLIENT', 'PAUSE', ms, 'WRITE')

describe('publish grant', () => {
  it('G-PUBLISH-6 shrinks while Redis is slow and is back afterwards, for those who publish', {
    timeout: 20_000,
  }, async () => {
    const publisher = await RawClient.greeted(server.port, { producer: 'p-slow', session: 1 })
    const reader = await RawClient.greeted(server.port)
    publisher.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: [readingOf('s-1')] })
    await publisher.next('ack')
    await holdWrites(600)
    publisher.send({ type: 'publish', seq: 2, topic: 'sensor.reading', events: [readingOf('s-1')] })
    const slow = await publisher.next('slow')
    expect(slow).toMatchObject({ publish: { frames: 32, bytes: 524_288 } })
    expect(slow.retryAfterMs as number).toBeGreaterThanOrEqual(150)
    expect(await publisher.next('ack')).toMatchObject({ seq: 2 })
    let resumed = await publisher.next('slow')
    while ((resumed.publish as { frames: number }).frames < 64) resumed = await publisher.next('slow')
    expect(resumed).toMatchObject({ retryAfterMs: 0, publish: { frames: 64, bytes: 1_048_576 } })
    expect(reader.frames.filter(({ type }) => type === 'slow')).toEqual([])
    publisher.close()
    reader.close()
  })

  it('G-PUBLISH-6 takes every event of clients that keep to it, once', { timeout: 20_000 }, async () => {
    const client = createClient({ url: server.url })
    const receipts: Promise<{ at: readonly string[]; duplicate: boolean }>[] = []
    for (let i = 0; i < 200; i++) {
      if (i === 50) await holdWrites(500)
      receipts.push(client.publish('sensor.reading', { data: readingOf(`s-${i}`).data }))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const stored = await Promise.all(receipts)
    expect(new Set(stored.flatMap(({ at }) => at)).size).toBe(200)
    expect(stored.filter(({ duplicate }) => duplicate)).toEqual([])
    await client.close({ deadlineMs: 1_000 })
  })
})
