import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isChromiumMissing, launchChromium } from '../../server/test/support/chromium.ts'
import { TidegateProcess, until } from '../../server/test/support/tidegate-process.ts'
import { buildPageIfStale } from './support/built-page.ts'

const HARBOUR = fileURLToPath(new URL('./fixtures/harbour.config.ts', import.meta.url))
/** A window of ten seconds has to end, on a machine that is busy with other tests. */
const TIMEOUT_MS = 90_000

const isSkipped = await isChromiumMissing()

let browser: Browser

describe.skipIf(isSkipped)('page in Chromium', () => {
  beforeAll(async () => {
    await buildPageIfStale()
    browser = await launchChromium()
  }, 60_000)
  afterAll(() => browser?.close())

  test.concurrent(
    'G-PAGE-7 demo - goes online, draws its windows, a payment over 1000 appears in the high-priority list, an entity is shown at each version',
    async () => {
      await using server = await start()
      const { url } = server
      await using page = await openPage()
      await page.goto(url)
      await untilOnline(page)
      await publish(url, 'commerce.payment_received', {
        paymentId: 'seen-by-a-test',
        orderId: 'o-1',
        amount: 1299.95,
        currency: 'EUR',
      })
      const payment = page.locator('#urgent li', { hasText: 'seen-by-a-test' })
      await payment.waitFor()
      expect(await payment.textContent()).toContain('1,299.95')
      await until(async () => Number(await page.locator('#total-rate').textContent()) > 0, 'there is a rate')

      await page.locator('nav a', { hasText: 'Entities' }).click()
      await lookAtAnOrder(page, url)
      await page.locator('nav a', { hasText: 'Windows' }).click()
      const plot = page.locator('[data-topic="sensor.10s"] .plot')
      await until(async () => (await drawingOf(plot)).points > 0, 'results are drawn')
      expect(page.complaints).toEqual([])
    },
    TIMEOUT_MS,
  )

  test.concurrent(
    'G-PAGE-11 any config - says how to publish, draws its windows as they move on, shows gaps, a refusal, and since when it has no connection',
    async () => {
      await using server = await start('--config', HARBOUR)
      const { url } = server
      await using page = await openPage()
      const gap = { type: 'gap', sub: 1, topic: 'berth.moored', lane: 'low', upTo: '0@none/1-0.0', count: 412 }
      await page.routeWebSocket(/\/v1\/ws$/, (toPage) => {
        const toServer = toPage.connectToServer()
        toPage.onMessage((message) => {
          const { type, sub, topic } = JSON.parse(String(message)) as { type: string; sub?: number; topic?: string }
          if (type !== 'subscribe' || topic !== 'berth.windless') return toServer.send(message)
          const refusal = { type: 'error', sub, code: 'forbidden', message: 'Not for you.', retryable: false }
          toPage.send(JSON.stringify(refusal))
        })
        toServer.onMessage((message) => {
          toPage.send(message)
          if (String(message).includes('"type":"subscribed","sub":1,')) {
            toPage.send(JSON.stringify({ ...gap, reason: 'overflow', fetchable: true }))
          }
        })
      })
      await page.goto(url)
      await untilOnline(page)
      await page.locator('#hint', { hasText: '"topic":"berth.moored"' }).waitFor()
      await page.locator('#gaps', { hasText: '412 events withheld' }).waitFor()
      await page.locator('nav a', { hasText: 'Windows' }).click()

      const perKey = page.locator('[data-topic="berth.per_1s"]')
      const overAll = page.locator('[data-topic="harbour.per_1s"]')
      const drawn = async () => {
        await publish(url, 'berth.moored', { berth: 'north', tons: 120 })
        await publish(url, 'berth.moored', { berth: '<b>south</b>', tons: 700 })
        return Promise.all([perKey, overAll].map((card) => drawingOf(card.locator('.plot').first())))
      }
      let first = await drawn()
      await until(async () => {
        first = await drawn()
        return first.every(({ points }) => points > 0)
      }, 'both windows are drawn')
      await until(async () => {
        const next = await drawn()
        return (
          next[0]!.points >= 4 &&
          next.every(({ points, picture }, i) => points > first[i]!.points && picture !== first[i]!.picture)
        )
      }, 'more results of both are drawn')
      expect(await perKey.locator('.legend .key').allTextContents()).toEqual(['<b>south</b>', 'north'])
      expect(await overAll.locator('.plot').count()).toBe(2)
      await perKey.locator('label', { hasText: 'tons' }).click()
      expect(await perKey.locator('.legend .value').first().textContent()).toMatch(/00$/)
      await perKey.locator('.legend button').first().click()
      expect(await perKey.locator('.legend button').first().getAttribute('aria-pressed')).toBe('false')
      await page.locator('nav a', { hasText: 'Overview' }).click()
      await page.locator('#gaps', { hasText: 'berth.windless is not shown: Not for you.' }).waitFor()
      expect(await page.locator('#urgent li').first().textContent()).toContain('tons700')
      await until(async () => !(await page.locator('#hint').isVisible()), 'the hint goes with the first event')
      expect(page.complaints).toEqual([])

      const isGrey = () => page.locator('.summary').evaluate((summary) => Number(getComputedStyle(summary).opacity) < 1)
      expect(await isGrey()).toBe(false)
      await server.stop()
      await page.locator('#badge', { hasText: /stale since \d\d:\d\d:\d\d/ }).waitFor()
      expect(await isGrey()).toBe(true)
    },
    TIMEOUT_MS,
  )
})

/** By the keyboard alone, but for one click into the panel. */
async function lookAtAnOrder(page: Page, url: string): Promise<void> {
  const panel = page.locator('#entities')
  const card = panel.locator('[data-entity="order"][data-key="seen/1"]')
  const isAt = (version: number, text: string) =>
    until(async () => {
      if ((await card.getAttribute('data-version')) !== String(version)) return false
      return (await card.locator('.state').textContent())?.includes(text) === true
    }, `version ${version} says ${text}`)

  await panel.locator('#entity-name').focus()
  await page.keyboard.type('order')
  await page.keyboard.press('Tab')
  await page.keyboard.type('seen/1')
  await page.keyboard.press('Enter')
  await card.locator('.empty', { hasText: 'No order has this key. Its first event will appear here.' }).waitFor()
  await command(url, 'order/seen%2F1/place', { userId: '<b>me</b>', amount: 30 })
  await isAt(1, '<b>me</b>')
  for (let n = 1; n <= 11; n++)
    await command(url, 'order/seen%2F1/pay', { paymentId: `p-${n}`, amount: n === 11 ? 20 : 1 })
  await isAt(12, 'paid')
  await card.locator('.pager', { hasText: 'Events 12 to 3 of 12' }).waitFor()

  await card.locator('#entity-version').focus()
  await page.keyboard.press('Home')
  await isAt(1, 'placed')
  await page.keyboard.press('ArrowRight')
  await isAt(2, 'p-1')
  await card.locator('.pager', { hasText: 'Events 10 to 1 of 12' }).waitFor()
  expect(await card.locator('[aria-current] th').textContent()).toBe('paid')
  await command(url, 'order/seen%2F1/refund', {})
  await card.locator('label', { hasText: 'Version 2 of 13' }).waitFor()
  await card.getByRole('button', { name: 'Newest' }).press('Enter')
  await isAt(13, 'refunded')

  await panel.locator('#entity-index').selectOption('userId')
  await panel.locator('#entity-value').fill('nobody')
  await page.keyboard.press('Enter')
  await panel.locator('#found', { hasText: 'No entity with userId "nobody".' }).waitFor()
  await panel.locator('#entity-value').fill('<b>me</b>')
  await page.keyboard.press('Enter')
  await panel.locator('#found button', { hasText: 'seen/1' }).waitFor()

  await page.reload()
  await isAt(13, 'refunded')
}

/** A page, and what it has complained about. */
async function openPage(): Promise<Page & AsyncDisposable & { readonly complaints: readonly string[] }> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  return Object.assign(page, { complaints, [Symbol.asyncDispose]: () => page.close() })
}

interface Started extends AsyncDisposable {
  /** Of the page. */
  readonly url: string
  stop(): Promise<unknown>
}

/** Starts everything as `npm start` does. */
async function start(...args: readonly string[]): Promise<Started> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'tidegate-page-'))
  const server = new TidegateProcess(['start', '--port', '0', '--data', dataFolder, ...args])
  const { port } = await server.ready()
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => server.stop(),
    async [Symbol.asyncDispose]() {
      await server.stop()
      await rm(dataFolder, { recursive: true, force: true })
    },
  }
}

async function publish(url: string, topic: string, data: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify({ topic, data }) })
  expect(response.status).toBe(200)
}

async function command(url: string, path: string, input: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/v1/entities/${path}`, { method: 'POST', headers, body: JSON.stringify(input) })
  expect(response.status).toBe(200)
}

function untilOnline(page: Page): Promise<void> {
  return page.locator('#badge[data-status=online]').waitFor()
}

/** Points and pixels of a chart, of one moment. */
function drawingOf(plot: Locator): Promise<{ readonly points: number; readonly picture: string }> {
  return plot.evaluate((host) => ({
    points: Number((host as HTMLElement).dataset.points ?? 0),
    picture: host.querySelector('canvas')?.toDataURL() ?? '',
  }))
}
