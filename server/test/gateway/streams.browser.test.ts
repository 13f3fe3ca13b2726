import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import { findChromium } from '../support/chromium.ts'
import { contract, readingOf } from '../support/contract.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { freePort, startTestRedis, type TestRedis } from '../support/redis.ts'

const found = await findChromium()
/** Elsewhere than in CI a missing browser is a visible skip. */
const isSkipped = found === undefined && !process.env.CI
const SECONDS_60 = 60_000

describe.skipIf(isSkipped)('EventSource of Chromium', () => {
  let browser: Browser
  let redis: TestRedis
  let gateway: RunningGateway
  let port: number

  beforeAll(async () => {
    if (found === undefined) throw new Error('There is no Chromium: install it, or set CHROMIUM_PATH.')
    browser = await chromium.launch({ ...found, args: [...found.args, '--disable-gpu'] })
    redis = await startTestRedis()
    port = await freePort()
    gateway = await start()
  }, SECONDS_60)
  afterAll(async () => {
    await browser?.close()
    await gateway?.close({ deadlineMs: 100 })
    await redis?.close()
  })

  const start = () =>
    startGateway(
      {
        redisUrl: redis.url,
        partitions: 4,
        host: '127.0.0.1',
        port,
        sharedPort: false,
        delivery: DELIVERY_LIMITS,
        node: 'gw-test',
        onDefect: () => {},
      },
      contract,
    )

  async function publish(from: number, count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, i) => ({ id: `e${from + i}`, ...readingOf(`s-${i % 5}`) }))
    const response = await fetch(`http://127.0.0.1:${port}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events.map((event) => ({ topic: 'sensor.reading', ...event }))),
    })
    expect(await response.json()).toMatchObject({ accepted: count })
  }

  test(
    'G-STREAM-2 G-STREAM-7 comes back by itself after a restart, and misses and repeats nothing',
    async () => {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${port}/livez`)
      await page.evaluate(() => {
        const seen: string[] = []
        let grants = 0
        const source = new EventSource('/v1/stream?topic=sensor.*&filter=data.humidity==40')
        source.addEventListener('subscribed', () => grants++)
        source.addEventListener('batch', ({ data }) => {
          for (const part of JSON.parse(data).parts) for (const { id } of part.events) seen.push(id)
        })
        Object.assign(globalThis, { stream: () => ({ seen, grants }) })
      })
      const stream = () =>
        page.evaluate(() => (globalThis as unknown as { stream(): { seen: string[]; grants: number } }).stream())
      await expect.poll(stream).toMatchObject({ grants: 1 })
      for (let round = 0; round < 2; round++) {
        await publish(round * 60, 30)
        await gateway.close({ deadlineMs: 500 })
        gateway = await start()
        await publish(round * 60 + 30, 30)
        await expect.poll(stream, { timeout: 15_000 }).toMatchObject({ grants: round + 2 })
      }
      await expect.poll(async () => (await stream()).seen.length).toBe(120)
      const { seen } = await stream()
      expect(new Set(seen)).toEqual(new Set(Array.from({ length: 120 }, (_, i) => `e${i}`)))
      await page.close()
    },
    SECONDS_60,
  )
})
