import { createClient } from '@tidegate/client/node'
import { describe, expect, it } from 'vitest'
import { Admission } from '../../src/gateway/admission.ts'
import { EventLoopLag } from '../../src/gateway/event-loop-lag.ts'
import { readingOf } from '../support/contract.ts'
import { startTestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'

const busyFor = (ms: number) => {
  for (const until = performance.now() + ms; performance.now() < until; );
}

describe('admission', () => {
  it.each([
    [
      { lagMs: 0, queueShare: 0, hasMemory: true },
      { fresh: true, returning: true, publish: true },
    ],
    [
      { lagMs: 101, queueShare: 0, hasMemory: true },
      { fresh: false, returning: true, publish: true },
    ],
    [
      { lagMs: 0, queueShare: 1.01, hasMemory: true },
      { fresh: false, returning: true, publish: true },
    ],
    [
      { lagMs: 301, queueShare: 0, hasMemory: true },
      { fresh: false, returning: false, publish: false },
    ],
    [
      { lagMs: 0, queueShare: 0, hasMemory: false },
      { fresh: false, returning: false, publish: true },
    ],
  ])('G-LOAD-1 G-LOAD-2 G-LOAD-3 at %o takes %o', (load, taken) => {
    const admission = new Admission(100, () => 0.5)
    admission.observe(load)
    const answers = {
      fresh: admission.connection(false),
      returning: admission.connection(true),
      publish: admission.publish(),
    }
    const expected = Object.fromEntries(
      Object.entries(taken).map(([who, isTaken]) => [who, isTaken ? undefined : 1_000]),
    )
    expect(answers).toEqual(expected)
  })

  it('G-LOAD-1 measures how far the event loop is behind', async () => {
    const lag = new EventLoopLag()
    lag.start()
    const turns = setInterval(() => busyFor(200), 1)
    await new Promise((resolve) => setTimeout(resolve, 900))
    clearInterval(turns)
    expect(lag.takeMs()).toBeGreaterThan(120)
    await expect.poll(() => lag.takeMs(), { timeout: 5_000, interval: 300 }).toBeLessThan(50)
    lag.stop()
  })

  it('G-LOAD-1 G-LOAD-2 C-HELLO-3 a busy gateway turns new clients away, keeps those it has, and takes back who was there', async () => {
    const server = await startTestGateway(undefined, { maxLagMs: 60 })
    const client = createClient({ url: server.url })
    let turns: NodeJS.Timeout | undefined
    try {
      await client.publish('sensor.reading', readingOf('s-1'))
      turns = setInterval(() => busyFor(120), 1)
      const turnedAway = async (hello: object) => {
        const raw = await RawClient.connect(server.port)
        raw.send({ type: 'hello', protocol: 1, client: 'test', ...hello })
        const first = await Promise.race([raw.next('welcome').catch(() => undefined), raw.closed])
        raw.close()
        return first
      }
      await expect
        .poll(() => turnedAway({}), { timeout: 10_000 })
        .toMatchObject({ code: 4029, reason: expect.stringMatching(/^\{"retryAfterMs":\d+\}$/) })
      // A machine that has other work may lag three times as much for a moment.
      await expect.poll(() => turnedAway({ returning: true }), { timeout: 10_000 }).toMatchObject({ type: 'welcome' })
      const stream = await fetch(`${server.url}/v1/stream?topic=sensor.reading`)
      expect(await stream.text()).toMatch(/^retry: \d+\nevent: error\ndata: .*"overloaded"/)
      expect(await client.publish('sensor.reading', readingOf('s-1'))).toMatchObject({ rejected: [] })
      clearInterval(turns)
      turns = setInterval(() => busyFor(400), 1)
      const post = () =>
        fetch(`${server.url}/v1/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ topic: 'sensor.reading', ...readingOf('s-1') }),
        })
      await expect.poll(async () => (await post()).status, { timeout: 10_000 }).toBe(503)
      const waiting = client.publish('sensor.reading', readingOf('s-2'))
      clearInterval(turns)
      expect(await waiting).toMatchObject({ rejected: [] })
      await expect.poll(async () => (await post()).status, { timeout: 5_000 }).toBe(200)
    } finally {
      clearInterval(turns)
      await client.close({ deadlineMs: 500 })
      await server.close()
    }
  }, 30_000)
})
