import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import shop from '../../../examples/tidegate.config.ts'
import { type RunningWorker, startWorker } from '../../../server/src/worker-app.ts'
import { isChromiumMissing, launchChromium } from '../../../server/test/support/chromium.ts'
import { startTestGateway, type TestGateway } from '../../../server/test/support/gateway.ts'
import { UNRESTRICTED } from '../../../server/test/support/page-script.ts'
import { createClient, type TidegateClient } from '../../src/node.ts'
import type { HooksPage } from './page/hooks-page.tsx'
import { previewShop } from './page/preview-shop.ts'

const isSkipped = await isChromiumMissing()
/** What was paid in two minutes that are over, and in the present one, which may end while a test runs. */
const PAID = [10, 20.5, 5] as const
const PARTITIONS = 1
const MINUTE_MS = 60_000

describe.skipIf(isSkipped)('React in Chromium', () => {
  let browser: Browser
  let server: TestGateway
  let worker: RunningWorker
  let publisher: TidegateClient<typeof shop>
  let page: Page
  /** What the page complained about. */
  let complaints: string[]

  beforeAll(async () => {
    browser = await launchChromium()
    server = await startTestGateway(shop.contract, { partitions: PARTITIONS })
    worker = await startWorker(
      { redisUrl: server.redis.url, partitions: PARTITIONS, log: () => {}, workerId: 'w' },
      shop.contract,
    )
    publisher = createClient<typeof shop>({ url: server.url })
    await trade()
    page = await browser.newPage(UNRESTRICTED)
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }))
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await publisher?.close({ deadlineMs: 0 })
    await worker?.close({ deadlineMs: 2_000 })
    await server?.close()
  })
  beforeEach(() => {
    complaints = []
  })

  const read = (sensorId: string, ...temperatures: number[]) =>
    publisher.publish(
      'sensor.reading',
      temperatures.map((temperature) => ({ data: { sensorId, temperature, humidity: 40 } })),
    )
  async function trade(): Promise<void> {
    const minutesAgo = [3, 2, 0]
    for (const [n, amount] of PAID.entries()) {
      const data = { paymentId: `p-${n}`, orderId: 'o-0', amount, currency: 'EUR' }
      await publisher.publish('commerce.payment_received', { time: Date.now() - minutesAgo[n]! * MINUTE_MS, data })
    }
  }

  describe('hooks', () => {
    beforeAll(async () => {
      const entry = fileURLToPath(new URL('./page/hooks-page.tsx', import.meta.url))
      // As developers run it: StrictMode mounts everything twice.
      const define = { 'process.env.NODE_ENV': '"development"' }
      const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', define })
      await page.goto(`${server.url}/livez`)
      await page.addScriptTag({ content: outputFiles[0]!.text, type: 'module' })
      await page.waitForFunction(() => 'page' in globalThis)
    })
    // Nothing is left of the test before.
    beforeEach(() =>
      inPage(({ sent, received }) => {
        sent.length = 0
        received.length = 0
      }),
    )
    afterEach(() => show({}))

    type Views = Parameters<HooksPage['show']>[0]
    const show = (views: Views) => page.evaluate((views) => pageOf().show(views), views)
    const inPage = <Result>(look: (page: HooksPage) => Result) => page.evaluate(`(${look})(page)`) as Promise<Result>
    const textOf = (view: keyof Views) => page.locator(`#${view}`).textContent()
    const untilText = (view: keyof Views, text: string | RegExp) => expect.poll(() => textOf(view)).toMatch(text)
    const sentTypes = async () =>
      (await inPage(({ sent }) => sent.map(({ type, topic }) => [type, topic].join(' ').trim()))).filter((frame) =>
        /subscribe/.test(frame),
      )

    test('C-REACT-1 C-REACT-2 C-REACT-4 StrictMode and renders subscribe once; another key anew; a lost connection keeps what there was', async () => {
      await show({ one: { sensor: 'attic' }, status: {} })
      await untilText('one', 'live undefined')
      await read('attic', 20)
      await untilText('one', 'live 20')
      expect(await textOf('status')).toBe('online')
      // The first asks for a snapshot, which readings do not have.
      const twice = ['subscribe sensor.reading', 'subscribe sensor.reading']
      for (let renders = 0; renders < 3; renders++) await show({ one: { sensor: 'attic' } })
      expect(await sentTypes()).toEqual(twice)
      await show({ one: { sensor: 'cellar' } })
      await untilText('one', 'live undefined')
      await read('cellar', 12)
      await untilText('one', 'live 12')
      await expect.poll(sentTypes).toEqual([...twice, 'subscribe sensor.reading', 'unsubscribe'])
      const greetings = () => inPage(({ sent }) => sent.filter(({ type }) => type === 'hello').length)
      const before = await greetings()
      await inPage(({ shown, cut }) => {
        shown.length = 0
        cut()
      })
      await expect.poll(greetings).toBe(before + 1)
      await read('cellar', 13)
      await untilText('one', 'live 13')
      expect((await inPage(({ shown }) => shown)).filter((text) => !/^(stale 12|live 12|live 13)$/.test(text))).toEqual(
        [],
      )
      await show({})
      await expect.poll(async () => (await sentTypes()).at(-1)).toBe('unsubscribe')
      expect(complaints).toEqual([])
    })

    test('C-REACT-3 C-REACT-12 thousands of events render once a frame; a callback gets each once, and the newest is called', async () => {
      await show({ many: {}, events: {}, called: { by: 'first' } })
      await untilText('called', 'live')
      await read('attic', 1)
      await expect.poll(() => inPage(({ received }) => received)).toEqual(['first 1'])
      await untilText('many', 'attic')
      await untilText('events', '1')
      const renders = () => inPage(({ frames }) => frames.renders)
      const shown = await renders()
      await show({ many: {}, events: {}, called: { by: 'second' } })
      // This renders both once, maybe in a frame that has rendered events already: it is not counted.
      await expect.poll(renders).toBe(shown + 2)
      const before = await inPage(({ frames }) => ({ ...frames }))
      const numbers = Array.from({ length: 3_000 }, (_, n) => n + 2)
      await Promise.all([0, 1, 2].map((part) => read(`s-${part}`, ...numbers.slice(part * 1_000, (part + 1) * 1_000))))
      await expect.poll(() => inPage(({ received }) => received.length)).toBe(3_001)
      await untilText('many', 'attic,s-0,s-1,s-2')
      await untilText('events', '3000,3001')
      expect(await inPage(({ received }) => new Set(received.slice(1).map((text) => text.split(' ')[0])).size)).toBe(1)
      const after = await inPage(({ frames }) => frames)
      expect(after.renders).toBeGreaterThan(before.renders)
      expect(after.doubled - before.doubled).toBe(0)
      // That readings have no snapshots is known since the first subscription.
      expect((await sentTypes()).length).toBeLessThanOrEqual(4)
      expect(complaints).toEqual([])
    })

    test('C-REACT-6 suspends until the first data, and throws what was refused', async () => {
      await show({ suspended: { sensor: 'hall' }, refused: {} })
      await untilText('suspended', 'there: undefined')
      await untilText('refused', 'thrown: ')
      expect(await inPage(({ sent }) => sent.filter(({ topic }) => topic === 'sensor.10s').length)).toBe(1)
    })

    test('C-REACT-9 C-REACT-10 windows begin with their past; an entity changes by its command', async () => {
      await show({ minutes: {}, order: { orderId: 'o-1' } })
      await untilText('minutes', /^10,20.5(,5)?$/)
      await page.locator('#order button').click()
      await untilText('order', 'placed 1')
      expect(complaints).toEqual([])
    })
  })

  test('C-REACT-10 the example - shows revenue, orders, and an order that commands change', async () => {
    const { url, close } = await previewShop(server.url)
    try {
      await page.goto(url)
      await page.locator('.connection', { hasText: 'Live' }).waitFor()
      await expect.poll(() => page.locator('[data-value="revenue"]').textContent()).toMatch(/^€(20.50|5.00)$/)
      expect((await page.locator('.revenue rect').allTextContents()).join()).toMatch(/: €10.00,.*: €20.50/)
      await publisher.publish('commerce.order_placed', { data: { orderId: 'o-77', userId: 'u-7', amount: 99 } })
      await page.locator('.orders button', { hasText: 'o-77' }).click()
      const fieldOf = (name: string) => page.locator(`.order [data-value="${name}"]`).textContent()
      await page.locator('.order button', { hasText: 'Accept' }).click()
      await expect.poll(() => fieldOf('status')).toBe('placed')
      await page.locator('.order button', { hasText: 'Pay' }).click()
      await expect.poll(() => fieldOf('paid')).toBe('€99.00')
      expect([await fieldOf('status'), await fieldOf('version')]).toEqual(['paid', '2'])
      await page.locator('.order button', { hasText: 'Cancel' }).click()
      await page.locator('.refusal', { hasText: 'This order is paid: refund it.' }).waitFor()
      expect(complaints).toEqual([])
    } finally {
      await close()
    }
  })
})

declare function pageOf(): HooksPage
