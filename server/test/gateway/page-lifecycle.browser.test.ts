import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isChromiumMissing, launchChromium } from '../support/chromium.ts'
import { readingOf } from '../support/contract.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { pageScript, UNRESTRICTED } from '../support/page-script.ts'

const isSkipped = await isChromiumMissing()
/** A minute, `FROZEN_MS=60000`, is longer than the gateway waits for a silent client. */
const FROZEN_MS = Number(process.env.FROZEN_MS ?? 1_500)
const OFFLINE_MS = 500
const DEADLINE_MS = 90_000
const TOPIC = 'sensor.reading'

interface Shown {
  readonly seen: string[]
  readonly gaps: number
  readonly published: number
}

/** What the page runs. */
const PROGRAM = `
  import { createClient } from '@tidegate/client'
  const client = createClient({ url: location.origin })
  const shown = { seen: [], gaps: 0, published: 0 }
  const subscription = client.subscribe('${TOPIC}', { from: 'earliest' }, ({ id }) => shown.seen.push(id))
  subscription.onGap(() => shown.gaps++)
  globalThis.shown = () => shown
  globalThis.publish = (event) => client.publish('${TOPIC}', event).then(() => shown.published++)
`

describe.skipIf(isSkipped)('client in a page of Chromium', () => {
  let browser: Browser
  let server: TestGateway
  let script: string

  beforeAll(async () => {
    const [launched, gateway, built] = await Promise.all([launchChromium(), startTestGateway(), pageScript(PROGRAM)])
    browser = launched
    server = gateway
    script = built
  }, DEADLINE_MS)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  async function open(): Promise<Page> {
    const page = await browser.newPage(UNRESTRICTED)
    await page.goto(`${server.url}/livez`)
    await page.addScriptTag({ content: script })
    return page
  }

  async function publish(id: string): Promise<void> {
    const body = JSON.stringify({ topic: TOPIC, id, ...readingOf('s-1') })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body })
    expect(await response.json()).toMatchObject({ accepted: 1 })
  }

  /** What the page has of these events, each once and in order. */
  const shown = (page: Page): Promise<Shown> =>
    page.evaluate(() => (globalThis as unknown as { shown(): Shown }).shown())
  const seen = async (page: Page, ids: readonly string[]) => (await shown(page)).seen.filter((id) => ids.includes(id))

  test(
    'C-PAGE-1 a page that was hidden and frozen has everything once it is shown again',
    async () => {
      const page = await open()
      const devTools = await page.context().newCDPSession(page)
      const ids = Array.from({ length: 20 }, (_, i) => `frozen-${i}`)
      await publish(ids[0]!)
      await expect.poll(() => seen(page, ids)).toEqual([ids[0]])
      await devTools.send('Page.setWebLifecycleState', { state: 'frozen' })
      for (const id of ids.slice(1, -1)) {
        await publish(id)
        await new Promise((resolve) => setTimeout(resolve, FROZEN_MS / ids.length))
      }
      await devTools.send('Page.setWebLifecycleState', { state: 'active' })
      await publish(ids.at(-1)!)
      await expect.poll(() => seen(page, ids), { timeout: 15_000 }).toEqual(ids)
      expect((await shown(page)).gaps).toBe(0)
      await page.close()
    },
    DEADLINE_MS,
  )

  test(
    'C-PAGE-2 a page that goes offline and online again sends and gets what it missed, once',
    async () => {
      const page = await open()
      const ids: string[] = []
      const next = (id: string) => {
        ids.push(id)
        return id
      }
      for (let round = 0; round < 2; round++) {
        await publish(next(`before-${round}`))
        await expect.poll(() => seen(page, ids)).toEqual(ids)
        await page.context().setOffline(true)
        await publish(next(`missed-${round}`))
        await page.evaluate(
          (event) => void (globalThis as unknown as { publish(event: object): void }).publish(event),
          { id: next(`own-${round}`), ...readingOf('s-1') },
        )
        await new Promise((resolve) => setTimeout(resolve, OFFLINE_MS))
        await page.context().setOffline(false)
        await expect.poll(async () => (await shown(page)).published, { timeout: 15_000 }).toBe(round + 1)
        await expect.poll(() => seen(page, ids), { timeout: 15_000 }).toEqual(ids)
      }
      expect((await shown(page)).gaps).toBe(0)
      await page.close()
    },
    DEADLINE_MS,
  )
})
