import { createServer } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Contract } from '../../src/config/contract/model.ts'
import { type RunningGateway, startGateway } from '../../src/gateway-app.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { isChromiumMissing, launchChromium } from '../support/chromium.ts'
import { contract, readingOf } from '../support/contract.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { UNRESTRICTED } from '../support/page-script.ts'
import { freePort, startTestRedis, type TestRedis } from '../support/redis.ts'

const isSkipped = await isChromiumMissing()
const SECONDS_60 = 60_000

describe.skipIf(isSkipped)('EventSource of Chromium', () => {
  let browser: Browser
  let redis: TestRedis
  let gateway: RunningGateway
  let port: number

  beforeAll(async () => {
    browser = await launchChromium()
    redis = await startTestRedis()
    port = await freePort()
    gateway = await start()
  }, SECONDS_60)
  afterAll(async () => {
    await browser?.close()
    await gateway?.close({ deadlineMs: 100 })
    await redis?.close()
  })

  const start = (served: Contract = contract) =>
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
      served,
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
      const page = await browser.newPage(UNRESTRICTED)
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

  interface Seen {
    readonly granted: { readonly recovered: boolean }[]
    readonly gaps: string[]
    readonly errors: string[]
  }
  /** Opens the stream in a page of the address, and tells what it got. */
  async function watch(topics: string): Promise<{ page: Page; seen(): Promise<Seen> }> {
    const page = await browser.newPage(UNRESTRICTED)
    await page.goto(`http://127.0.0.1:${port}/livez`)
    await page.evaluate((selector) => {
      const seen = { granted: [] as unknown[], gaps: [] as unknown[], errors: [] as unknown[] }
      const source = new EventSource(`/v1/stream?topic=${selector}`)
      source.addEventListener('subscribed', ({ data }) => seen.granted.push(JSON.parse(data)))
      source.addEventListener('gap', ({ data }) => seen.gaps.push(JSON.parse(data).reason))
      source.addEventListener('error', (event) => {
        if (event instanceof MessageEvent) seen.errors.push(JSON.parse(event.data).code)
      })
      Object.assign(globalThis, { seen })
    }, topics)
    return { page, seen: () => page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen) }
  }

  test(
    'G-STREAM-9 outlasts a config without its topic, and goes on when it has it again',
    async () => {
      const { page, seen } = await watch('commerce.*')
      await expect.poll(async () => (await seen()).granted.length).toBe(1)
      const sensors = topic('sensor.reading', { schema: z.object({ sensorId: z.string() }), key: 'sensorId' })
      await gateway.close({ deadlineMs: 500 })
      gateway = await start(defineConfig({ topics: [sensors] }).contract)
      await expect.poll(async () => (await seen()).errors, { timeout: 15_000 }).toContain('topic_removed')
      await gateway.close({ deadlineMs: 500 })
      gateway = await start()
      await expect.poll(async () => (await seen()).granted.length, { timeout: 25_000 }).toBe(2)
      expect((await seen()).granted[1]).toMatchObject({ recovered: true })
      await page.close()
    },
    SECONDS_60,
  )

  test(
    'G-STREAM-9 comes back from a place that nobody here knows',
    async () => {
      await gateway.close({ deadlineMs: 500 })
      const other = createServer((request, response) => {
        if (request.url === '/livez') return void response.end('{}')
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end('retry: 500\nid: of another server\nevent: subscribed\ndata: {}\n\n')
      })
      await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
      const { page, seen } = await watch('commerce.*')
      await expect.poll(async () => (await seen()).granted.length).toBeGreaterThan(0)
      other.closeAllConnections()
      await new Promise((resolve) => other.close(resolve))
      gateway = await start()
      await expect
        .poll(async () => (await seen()).granted.at(-1), { timeout: 15_000 })
        .toMatchObject({ recovered: false })
      await expect.poll(async () => (await seen()).gaps).toContain('reset')
      const { granted } = await seen()
      // It has a new place now.
      await gateway.close({ deadlineMs: 500 })
      gateway = await start()
      await expect.poll(async () => (await seen()).granted.length, { timeout: 15_000 }).toBe(granted.length + 1)
      expect((await seen()).granted.at(-1)).toMatchObject({ recovered: true })
      await page.close()
    },
    SECONDS_60,
  )
})
