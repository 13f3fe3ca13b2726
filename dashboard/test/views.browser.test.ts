import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isChromiumMissing, launchChromium } from '../../server/test/support/chromium.ts'
import { TidegateProcess, until } from '../../server/test/support/tidegate-process.ts'
import { buildPageIfStale } from './support/built-page.ts'

const HARBOUR = fileURLToPath(new URL('./fixtures/harbour.config.ts', import.meta.url))
const TIMEOUT_MS = 60_000
/** Of one request. */
const MAX_EVENTS = 1_000
const KEYS = 10_000
const WIDE = { width: 1_280, height: 900 }

const isSkipped = await isChromiumMissing()

describe.skipIf(isSkipped)('views in Chromium', () => {
  let browser: Browser
  let dataFolder: string
  /** Once this file is there, the code of tugs works. */
  let mended: string
  let server: TidegateProcess
  let url: string

  beforeAll(async () => {
    await buildPageIfStale()
    browser = await launchChromium()
    dataFolder = await mkdtemp(join(tmpdir(), 'tidegate-views-'))
    mended = join(dataFolder, 'mended')
    const args = ['start', '--port', '0', '--data', dataFolder, '--config', HARBOUR]
    // However busy the machine is that runs the tests: nobody is to be turned away.
    server = new TidegateProcess(args, { MENDED: mended, TIDEGATE_MAX_LAG_MS: '10000' })
    url = `http://127.0.0.1:${(await server.ready()).port}`
  }, TIMEOUT_MS)
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
    await rm(dataFolder, { recursive: true, force: true })
  }, TIMEOUT_MS)

  /** A page that has complained about nothing until it is closed. */
  async function pageFor(prepare: (page: Page) => void = () => {}): Promise<Page & AsyncDisposable> {
    const page = await browser.newPage({ viewport: WIDE })
    const complaints: string[] = []
    page.on('pageerror', ({ message }) => complaints.push(message))
    prepare(page)
    return Object.assign(page, {
      async [Symbol.asyncDispose]() {
        await page.close()
        expect(complaints).toEqual([])
      },
    })
  }

  async function open(hash: string): Promise<Page & AsyncDisposable> {
    const page = await pageFor()
    await page.goto(`${url}/#/${hash}`)
    await page.locator('#badge[data-status=online]').waitFor()
    return page
  }

  async function publish(topic: string, list: readonly { readonly [field: string]: unknown }[]) {
    for (let from = 0; from < list.length; from += MAX_EVENTS) {
      const events = list.slice(from, from + MAX_EVENTS).map(({ time, ...data }) => {
        return { topic, data, ...(time !== undefined && { time }) }
      })
      const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
      const send = () => fetch(`${url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) })
      // On a busy machine an append may miss its deadline. Sent again under its key it is stored once.
      await until(async () => (await send()).status === 200, `events of ${topic} are stored`)
    }
  }

  // Most of their time is that of reports: they wait for them together, each with topics of its own.
  test.concurrent(
    'G-PAGE-10 overview - what others publish is counted, and the page subscribes to the high lane alone',
    async () => {
      const subscribed: object[] = []
      await using page = await pageFor((made) =>
        made.on('websocket', (socket) =>
          socket.on('framesent', ({ payload }) => {
            const { type, sub: _, ...options } = JSON.parse(String(payload)) as { type: string; sub: number }
            if (type === 'subscribe') subscribed.push(options)
          }),
        ),
      )
      await page.goto(url)
      await page.locator('#badge[data-status=online]').waitFor()
      await publish(
        'quay.swept',
        Array.from({ length: 600 }, () => ({ quay: 'north' })),
      )
      const row = page.locator('#overview [data-topic="quay.swept"]')
      await until(
        async () => Number((await page.locator('#total-rate').textContent())!.replace(',', '')) >= 90,
        'the rate is that of the server',
      )
      expect(await row.locator('.number').last().textContent()).toBe('600')
      for (const tile of ['Stored', 'Lag', 'Breakers', 'Processes']) {
        await page.locator('.tile', { hasText: tile }).waitFor()
      }
      expect(await page.locator('.tile', { hasText: 'Breakers' }).textContent()).toContain('closed')
      expect(subscribed).toEqual([{ topic: '>', lanes: ['high'] }])
      expect(await page.locator('#hint').isVisible()).toBe(false)
    },
    TIMEOUT_MS,
  )

  test.concurrent(
    'G-PAGE-12 topic explorer - shows events of a key, a filter and a range, paused and live, and says a mistake',
    async () => {
      await using page = await open('topics/berth.moored')
      const rows = page.locator('#tail li')
      await page.locator('.tail-status', { hasText: 'live' }).waitFor()
      await publish('berth.moored', [
        { berth: 'east', tons: 11 },
        { berth: 'west', tons: 22 },
      ])
      await rows.filter({ hasText: 'east' }).waitFor()
      await rows.filter({ hasText: 'west' }).locator('summary').click()
      await rows.filter({ hasText: '"tons": 22' }).waitFor()

      await page.getByRole('button', { name: 'Pause' }).click()
      await publish('berth.moored', [{ berth: 'late-comer', tons: 33 }])
      await page.locator('.tail-status', { hasText: 'paused, 1 since' }).waitFor()
      expect(await rows.filter({ hasText: 'late-comer' }).count()).toBe(0)
      await page.getByRole('button', { name: 'Resume' }).click()
      await rows.filter({ hasText: 'late-comer' }).waitFor()

      await page.fill('#tail-where', 'data.tons > 20')
      await page.selectOption('#tail-range', 'hour')
      await page.keyboard.press('Enter')
      await rows.filter({ hasText: 'late-comer' }).waitFor()
      await until(async () => (await rows.count()) === 2, 'the filter is applied to the past')
      await page.fill('#tail-key', 'west')
      await page.keyboard.press('Enter')
      await until(async () => (await rows.count()) === 1, 'the key is applied')
      await page.getByRole('button', { name: 'SDK code', exact: true }).click()
      expect(await page.locator('.code').textContent()).toMatch(
        /client\.subscribe\('berth\.moored', \{ keys: \['west'\], where: 'data\.tons > 20', from: \{ time: \d+ \} \}/,
      )

      await page.fill('#tail-key', '')
      await page.fill('#tail-where', '')
      const hour = 3_600_000
      await publish('berth.moored', [{ berth: 'yesterday', tons: 1, time: Date.now() - 24 * hour }])
      await page.selectOption('#tail-range', 'between')
      await page.fill('#tail-from', local(Date.now() - hour))
      await page.fill('#tail-to', local(Date.now() + hour))
      await page.getByRole('button', { name: 'Show' }).click()
      await rows.filter({ hasText: 'east' }).waitFor()
      expect(await rows.filter({ hasText: 'yesterday' }).count()).toBe(0)

      await page.fill('#tail-where', 'data.tosn > 1')
      await page.getByRole('button', { name: 'Show' }).click()
      await page.locator('.explorer [role=alert]', { hasText: 'there is no field data.tosn' }).waitFor()
    },
    TIMEOUT_MS,
  )

  test.concurrent(
    'G-PAGE-10 G-PAGE-16 deployment - shows gateways, workers, the owner of every partition, and dead letters: each with its event, redriven one by one and all, with what became of it',
    async () => {
      await using page = await open('deployment')
      const rowsOf = (section: string) => page.locator(`[data-section="${section}"] tbody tr`)
      await rowsOf('Gateways').filter({ hasText: 'yes' }).waitFor()
      await rowsOf('Workers').first().waitFor()
      const worker = await rowsOf('Workers').first().locator('th').textContent()
      await until(async () => (await rowsOf('Partitions').filter({ hasText: worker! }).count()) === 8, 'all are owned')
      await page.locator('[data-section="Slow clients"] .empty', { hasText: 'None' }).waitFor()
      const letters = page.locator('[data-section="Dead letters"]')
      await letters.locator('.empty', { hasText: 'None' }).waitFor()
      const tugs = ['north', 'north', 'south', 'west'].map((tug) => ({ tug, tons: 0 }))
      await publish('tug.hired', tugs)
      await letters.locator('li', { hasText: '4 since the workers started' }).getByRole('link').click()
      await redriveByKeyboard(page, () => writeFile(mended, ''))
      await page.goto(`${url}/#/overview`)
      const tile = page.locator('.tile', { hasText: 'Dead letters' })
      await tile.getByText('4').waitFor()
      await until(async () => !(await tile.getAttribute('class'))!.includes('alert'), 'none is stored any more')
    },
    TIMEOUT_MS,
  )

  test(
    'G-PAGE-13 G-PAGE-14 G-PAGE-15 G-PAGE-17 windows - 10,000 keys, first out of sight: the largest and those looked for, as lines and as a table, by the keyboard',
    async () => {
      await using page = await open('windows')
      await page.evaluate(() => {
        const longest = { ms: 0 }
        new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) longest.ms = Math.max(longest.ms, duration)
        }).observe({ entryTypes: ['longtask'] })
        Object.assign(window, { longest })
      })
      const card = page.locator('.card[data-topic="crane.per_1s"]')
      await page.setViewportSize({ ...WIDE, height: 200 })
      await card.locator('.empty', { hasText: 'No results yet' }).waitFor()
      await publish(
        'crane.lifted',
        Array.from({ length: KEYS }, (_, i) => ({ crane: `c-${i}`, tons: i / 100 })),
      )
      await until(async () => {
        await publish('crane.lifted', [{ crane: 'c-0', tons: 0 }])
        return !(await card.locator('.empty').isVisible())
      }, 'there are results, and nobody has seen them yet')
      expect((await card.boundingBox())!.y).toBeGreaterThan(200)
      await page.setViewportSize(WIDE)
      await card.scrollIntoViewIfNeeded()
      await until(async () => {
        await publish('crane.lifted', [{ crane: 'c-0', tons: 0 }])
        return ((await card.locator('.chart > .caption').textContent()) ?? '').startsWith('30 of 10,000 keys')
      }, 'all keys have results')
      await card.locator('label', { hasText: 'tons' }).click()
      await card.locator('.legend .key', { hasText: 'c-9999' }).waitFor()
      expect(await card.locator('.legend li').count()).toBe(30)
      await card.locator('.progress', { hasText: 'late' }).waitFor()

      await card.getByRole('searchbox').fill('c-129')
      await until(
        async () => (await card.locator('.legend li').count()) === 11,
        'keys are found by a part of their names',
      )
      const swatchOf = async (key: string) =>
        card.locator(`.legend button[title="${key}"] .swatch`).first().getAttribute('class')
      const before = await swatchOf('c-1299')
      await card.getByRole('searchbox').fill('c-12')
      await until(async () => (await card.locator('.legend li').count()) === 30, 'more of them')
      expect(await swatchOf('c-1299')).toBe(before)

      // One stop of the Tab key, and arrows from there.
      const first = card.locator('.legend button').first()
      await card.getByRole('combobox').focus()
      await page.keyboard.press('Tab')
      expect(await first.evaluate((button) => button === document.activeElement)).toBe(true)
      await page.keyboard.press('ArrowRight')
      await page.keyboard.press('Enter')
      expect(await card.locator('.legend button').nth(1).getAttribute('aria-pressed')).toBe('false')
      expect(await card.locator('.legend button[tabindex="0"]').count()).toBe(1)

      await card.getByRole('button', { name: 'Table' }).press('Enter')
      await card.locator('.window-table tr', { hasText: 'c-1299' }).waitFor()
      expect(await card.locator('.plot').isVisible()).toBe(false)
      expect(await page.evaluate(() => (window as unknown as { longest: { ms: number } }).longest.ms)).toBeLessThan(
        1_500,
      )
    },
    TIMEOUT_MS,
  )

  test(
    'G-PAGE-15 every view - targets have 24 by 24 pixels, and nothing is wider than a narrow screen',
    async () => {
      await publish('berth.moored', [{ berth: 'north', tons: 1 }])
      await using page = await open('overview')
      const views = await page
        .getByRole('navigation', { name: 'Views' })
        .locator('a')
        .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).hash))
      expect(views).toHaveLength(6)
      for (const view of [...views, '#/topics/berth.moored']) {
        await page.setViewportSize(WIDE)
        await page.goto(`${url}/${view}`)
        await page.locator('.view').locator('visible=true').first().waitFor()
        expect(await page.evaluate(smallTargets), view).toEqual([])
        await page.setViewportSize({ width: 390, height: 800 })
        await until(() => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${view} fits`)
      }
    },
    TIMEOUT_MS,
  )
})

/** Letters of four tugs: one stays, one is redriven by itself, the others together. @param mend makes their code work */
async function redriveByKeyboard(page: Page, mend: () => Promise<void>): Promise<void> {
  const rows = page.locator('#letters li')
  await page.locator('.tail-status', { hasText: '4 dead letters' }).waitFor()
  await page.fill('#letter-key', 'south')
  await page.keyboard.press('Enter')
  await until(async () => (await rows.count()) === 1, 'the key is applied')
  const south = rows.filter({ hasText: 'south' })
  await south.locator('summary').focus()
  await page.keyboard.press('Enter')
  await south.locator('pre', { hasText: '"tons": 0' }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await south.locator('.outcome', { hasText: 'Stays: a tug without weight' }).waitFor()

  await mend()
  await south.getByRole('button').press('Enter')
  await south.locator('.outcome', { hasText: 'Redriven: 1 event to tug.heavy.' }).waitFor()
  await page.fill('#letter-key', '')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.locator('.tail-status', { hasText: '3 dead letters' }).waitFor()
  await page.getByRole('button', { name: 'Redrive all' }).press('Enter')
  await page.getByRole('button', { name: 'Redrive 3 dead letters?' }).press('Enter')
  await page.locator('.redriven', { hasText: '3 redriven: 3 events to tug.heavy.' }).waitFor()
  await until(async () => (await rows.locator('.outcome', { hasText: 'Redriven' }).count()) === 3, 'each says so')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.locator('.tail-status', { hasText: 'There are none.' }).waitFor()
}

/** In the page: what the pointer hits with difficulty. */
function smallTargets(): string[] {
  const targets = document.querySelectorAll<HTMLElement>('a, button, select, summary, input:not([type=radio])')
  return [...targets].flatMap((target) => {
    const { width, height } = target.getBoundingClientRect()
    return width > 0 && (width < 24 || height < 24) ? [`${target.outerHTML.slice(0, 80)} ${width} x ${height}`] : []
  })
}

/** As an input of date and time has it. */
function local(ms: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000
  return new Date(ms - offsetMs).toISOString().slice(0, 19)
}
