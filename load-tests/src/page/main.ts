import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createClient } from '@tidegate/client/node'
import type { Page } from 'playwright-core'
import { buildPageIfStale } from '../../../dashboard/test/support/built-page.ts'
import { launchChromium } from '../../../server/test/support/chromium.ts'
import { startGatewayAndWorker } from '../support/gateway-and-worker.ts'
import { watchFrames } from './frames.ts'

const CONFIG = fileURLToPath(new URL('./page.config.ts', import.meta.url))
const KEYS = 100
const TICK_MS = 50
/** So that all five charts are seen, and drawn. */
const VIEWPORT = { width: 1_440, height: 2_000 }

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '20' },
    history: { type: 'string', default: '60' },
    profile: { type: 'string' },
    screenshot: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run load:page -- [--rate 2000] [--seconds 20] [--history 60] [--profile <file>] [--screenshot <file>] [--json]

Opens the dashboard's windows in Chromium - five charts of 100 lines each - while events are published, and prints frames a second, times
between frames, tasks of over 50 ms and the CPU of the main thread. It starts a private Redis, a gateway and a worker, and stops them again.

  --rate        events a second
  --seconds     how long frames are watched
  --history     seconds of results that the charts open with, at most 60
  --profile     writes a CPU profile of the page, for the browser's developer tools

Examples:
  npm run load:page
  npm run load:page -- --seconds 60 --json`)
  process.exit(0)
}

const [rate, seconds, history] = [values.rate, values.seconds, values.history].map(Number) as [number, number, number]
await buildPageIfStale()
const server = await startGatewayAndWorker(CONFIG)
const url = `http://127.0.0.1:${server.gateway.port}`
const publisher = createClient({ url })
let published = 0
const timer = setInterval(() => {
  const events = Array.from({ length: (rate * TICK_MS) / 1_000 }, () => eventOf(published++))
  void publisher.publish('load.made', events)
}, TICK_MS)
const browser = await launchChromium()
try {
  await new Promise((resolve) => setTimeout(resolve, history * 1_000))
  const page = await browser.newPage({ viewport: VIEWPORT })
  await page.goto(`${url}/#/windows`)
  const lines = page.getByRole('combobox', { name: 'Lines' })
  await lines.nth(4).waitFor()
  for (const select of await lines.all()) await select.selectOption(`${KEYS}`)
  // Until what opens the charts is done.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  const frames = await profiled(page, () => watchFrames(page, seconds))
  const points = await page
    .locator('.plot')
    .evaluateAll((plots) => plots.map((plot) => Number(plot.getAttribute('data-points'))))
  if (values.screenshot !== undefined) await page.screenshot({ path: values.screenshot })
  if (values.json) console.log(JSON.stringify({ load: 'page', rate, seconds, points, ...frames }))
  else console.dir({ ...frames, points })
} finally {
  clearInterval(timer)
  await browser.close()
  await publisher.close({ deadlineMs: 1_000 })
  await server.stop()
}

function eventOf(n: number) {
  return { data: { id: `k-${n % KEYS}`, n: 50 * Math.sin(n / 5_000) + (n % KEYS) } }
}

async function profiled<Result>(page: Page, run: () => Promise<Result>): Promise<Result> {
  if (values.profile === undefined) return run()
  const session = await page.context().newCDPSession(page)
  await session.send('Profiler.enable')
  await session.send('Profiler.start')
  const result = await run()
  const { profile } = await session.send('Profiler.stop')
  await writeFile(values.profile, JSON.stringify(profile))
  return result
}
