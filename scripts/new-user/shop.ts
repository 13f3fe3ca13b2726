import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../../server/test/support/chromium.ts'
import { freePort } from '../../server/test/support/redis.ts'
import { Place } from '../install-check/place.ts'
import { REPOSITORY } from '../source-files.ts'
import { beginProject } from './project.ts'
import { randomNumbers } from './random.ts'

const MINUTE_MS = 60_000
const MINUTES = 20
const PAYMENTS_PER_MINUTE = 7
/** What the page shows of orders. */
const SHOWN_ORDERS = 10
const SHOWN_DEADLINE_MS = 30_000
const AMOUNT = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })

interface Payment {
  readonly time: number
  readonly paymentId: string
  readonly orderId: string
  readonly amount: number
}

/** The shop of the examples in a project of its own shows what was paid in each minute, the last one too. */
export async function checkShop(tarballs: string): Promise<string> {
  const place = new Place('shop', process.execPath)
  let browser: Browser | undefined
  try {
    const [port, pagePort] = [await freePort(), await freePort()]
    await beginProject(place, tarballs, 'react')
    takeExample(place, port)
    const payments = pastPayments()
    place.write('payments.json', JSON.stringify(payments))
    place.moveTo(port)
    await place.run('npx tsc && npx vite build examples/react-shop')
    await place.start(`npx tidegate start --port ${port}`, 'Tidegate is at')
    await place.start(
      `npx vite preview examples/react-shop --host 127.0.0.1 --port ${pagePort} --strictPort`,
      `${pagePort}`,
    )
    browser = await launchChromium()
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('pageerror', ({ message }) => complaints.push(message))
    await page.goto(`http://127.0.0.1:${pagePort}`)
    await page.locator('.connection', { hasText: 'Live' }).waitFor({ timeout: SHOWN_DEADLINE_MS })
    await place.run('npx tsx trade.ts')
    await checkRevenue(page, payments)
    await checkOrders(page, payments)
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
    return `shop: ${payments.length} payments, all ${MINUTES} minutes and ${SHOWN_ORDERS} orders on the page as recomputed`
  } finally {
    await browser?.close()
    await place.close()
  }
}

/** Beside each other as in the repository, in place of the page that `init` wrote. */
function takeExample(place: Place, port: number): void {
  for (const name of ['publish.ts', 'index.html', 'page.tsx']) rmSync(join(place.folder, name))
  const example = join(place.folder, 'examples/react-shop')
  cpSync(join(REPOSITORY, 'examples/react-shop'), example, { recursive: true })
  const config = readFileSync(join(REPOSITORY, 'examples/tidegate.config.ts'), 'utf8')
  place.write('tidegate.config.ts', config)
  place.write('examples/tidegate.config.ts', "export { default } from '../tidegate.config.ts'\n")
  const vite = readFileSync(join(example, 'vite.config.ts'), 'utf8')
  place.write('examples/react-shop/vite.config.ts', vite.replace(':8080', `:${port}`))
  place.write('trade.ts', readFileSync(new URL('shop/trade.ts', import.meta.url), 'utf8'))
}

/** In the whole minutes before this one, in order of time. */
function pastPayments(): readonly Payment[] {
  const random = randomNumbers(20)
  const now = Date.now()
  const start = now - (now % MINUTE_MS) - MINUTES * MINUTE_MS
  return Array.from({ length: MINUTES * PAYMENTS_PER_MINUTE }, (_, n) => ({
    time: start + Math.floor((n * MINUTE_MS) / PAYMENTS_PER_MINUTE),
    paymentId: `p-${n}`,
    orderId: `o-${n}`,
    amount: Math.round(20_000 * random()) / 100,
  }))
}

async function checkRevenue(page: Page, payments: readonly Payment[]): Promise<void> {
  const cents = new Map<number, number>()
  for (const { time, amount } of payments) {
    const minute = time - (time % MINUTE_MS)
    cents.set(minute, (cents.get(minute) ?? 0) + Math.round(amount * 100))
  }
  const expected = [...cents].map(([minute, sum]) => `${minute} ${AMOUNT.format(sum / 100)}`)
  await until('revenue', expected, () =>
    page
      .locator('.revenue rect')
      .evaluateAll((bars) =>
        bars.map((bar) => `${bar.getAttribute('data-minute')} ${bar.textContent?.replace(/^.*: /, '')}`),
      ),
  )
}

async function checkOrders(page: Page, payments: readonly Payment[]): Promise<void> {
  const expected = payments.map(({ orderId, amount }) => `${orderId} ${AMOUNT.format(amount)}`)
  const shownOf = () =>
    page
      .locator('.orders li')
      .evaluateAll((rows) =>
        rows.map((row) => `${row.querySelector('span')?.textContent} ${row.querySelector('.amount')?.textContent}`),
      )
  await until('orders', [`${SHOWN_ORDERS} of them`], async () => {
    const shown = await shownOf()
    return shown.every((one) => expected.includes(one)) ? [`${new Set(shown).size} of them`] : shown
  })
}

/** @throws with the first differences when the page does not show it in time */
async function until(what: string, expected: readonly string[], look: () => Promise<readonly string[]>): Promise<void> {
  let shown: readonly string[] = []
  for (const deadline = Date.now() + SHOWN_DEADLINE_MS; Date.now() < deadline; ) {
    shown = await look()
    if (shown.join() === expected.join()) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`shop: ${what} differ:\nexpected ${expected.join(', ')}\nshown    ${shown.join(', ')}`)
}
