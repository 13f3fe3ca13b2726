import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isChromiumMissing, launchChromium } from '../../../server/test/support/chromium.ts'
import { readingOf } from '../../../server/test/support/contract.ts'
import { startTestGateway, type TestGateway } from '../../../server/test/support/gateway.ts'
import { pageScript, UNRESTRICTED } from '../../../server/test/support/page-script.ts'
import { createClient, type TidegateClient } from '../../src/node.ts'

const isSkipped = await isChromiumMissing()
const TOPIC = 'sensor.reading'

/** What each tab runs. */
const PROGRAM = `
  import { createClient } from '@tidegate/client'
  import { sharedSocket } from '@tidegate/client/tabs'
  const client = createClient({ url: location.origin, WebSocket: sharedSocket() })
  globalThis.seen = []
  globalThis.gaps = 0
  const subscription = client.subscribe('${TOPIC}', { from: 'earliest' }, ({ id }) => globalThis.seen.push(id))
  subscription.onGap(() => globalThis.gaps++)
  globalThis.ready = subscription.ready
  globalThis.publish = (id, data) => client.publish('${TOPIC}', { id, ...data }).then(() => 'stored')
`

interface Tab {
  readonly page: Page
  /** Opened by it, and still open. */
  readonly sockets: Set<object>
}

describe.skipIf(isSkipped)('tabs of Chromium that share a connection', () => {
  let browser: Browser
  let context: BrowserContext
  let server: TestGateway
  let log: TidegateClient
  let script: string
  let tabs: Tab[]

  beforeAll(async () => {
    const [launched, gateway, built] = await Promise.all([launchChromium(), startTestGateway(), pageScript(PROGRAM)])
    browser = launched
    server = gateway
    script = built
    log = createClient({ url: server.url })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await log?.close()
    await server?.close()
  })
  beforeEach(async () => {
    tabs = []
    // Tabs of one profile.
    context = await browser.newContext(UNRESTRICTED)
    await Promise.all([open(), open(), open()])
  })
  afterEach(() => context.close())

  async function open(): Promise<void> {
    const page = await context.newPage()
    const tab: Tab = { page, sockets: new Set() }
    tabs.push(tab)
    page.on('websocket', (socket) => {
      tab.sockets.add(socket)
      socket.on('close', () => tab.sockets.delete(socket))
    })
    await page.goto(`${server.url}/livez`)
    await page.addScriptTag({ content: script })
    await page.evaluate('ready')
  }

  const publish = ({ page }: Tab, id: string) =>
    page.evaluate(`publish(${JSON.stringify(id)}, ${JSON.stringify(readingOf('s-1'))})`)
  const seenBy = async ({ page }: Tab, prefix: string) =>
    ((await page.evaluate('seen')) as string[]).filter((id) => id.startsWith(prefix)).sort()
  const socketsOf = (some: readonly Tab[]) => some.flatMap(({ sockets }) => [...sockets]).length
  async function stored(prefix: string): Promise<string[]> {
    const ids: string[] = []
    for await (const { id } of log.history(TOPIC)) if (id.startsWith(prefix)) ids.push(id)
    return ids.sort()
  }

  /** Something happens to the tab that leads, while the others publish. */
  async function whileLeaderEnds(prefix: string, end: (leader: Tab) => Promise<unknown>): Promise<void> {
    expect(socketsOf(tabs)).toBe(1)
    const leader = tabs.find(({ sockets }) => sockets.size > 0)!
    const others = tabs.filter((tab) => tab !== leader)
    const first = [
      publish(leader, `${prefix}00`),
      publish(others[0]!, `${prefix}01`),
      publish(others[1]!, `${prefix}02`),
    ]
    expect(await Promise.all(first)).toEqual(['stored', 'stored', 'stored'])
    const ids = Array.from({ length: 20 }, (_, n) => `${prefix}${n + 10}`)
    const published = ids.slice(0, 10).map((id, n) => publish(others[n % 2]!, id))
    const ended = end(leader)
    published.push(...ids.slice(10).map((id, n) => publish(others[n % 2]!, id)))
    await ended
    expect(new Set(await Promise.all(published))).toEqual(new Set(['stored']))
    const all = [`${prefix}00`, `${prefix}01`, `${prefix}02`, ...ids]
    for (const tab of others) await expect.poll(() => seenBy(tab, prefix)).toEqual(all)
    expect(await stored(prefix)).toEqual(all)
    expect(await Promise.all(others.map(({ page }) => page.evaluate('gaps')))).toEqual([0, 0])
    await expect.poll(() => socketsOf(others)).toBe(1)
  }

  test('C-TABS-1 C-TABS-2 three tabs have one connection; the one that leads is closed, and the next one dies', async () => {
    await whileLeaderEnds('closed-', ({ page }) => page.close())
    tabs = tabs.filter(({ page }) => !page.isClosed())
    await open()
    await whileLeaderEnds('killed-', async ({ page }) => {
      const crashed = page.waitForEvent('crash')
      page.goto('chrome://crash').catch(() => {})
      await crashed
    })
  })

  // It takes the seconds after which a leader is stepped over: `HUNG_MS=10000`.
  test.runIf(process.env.HUNG_MS)('C-TABS-3 the tab that leads hangs, and wakes', async () => {
    const leader = tabs.find(({ sockets }) => sockets.size > 0)!
    let woken: Promise<unknown> | undefined
    const hang = `{ const end = performance.now() + ${process.env.HUNG_MS}; while (performance.now() < end); }`
    await whileLeaderEnds('hung-', async ({ page }) => {
      woken = page.evaluate(hang)
    })
    await woken
    await publish(leader, 'hung-99')
    await expect.poll(() => seenBy(leader, 'hung-')).toHaveLength(24)
    await expect.poll(() => socketsOf(tabs)).toBe(1)
    expect(await stored('hung-')).toHaveLength(24)
  })
})
