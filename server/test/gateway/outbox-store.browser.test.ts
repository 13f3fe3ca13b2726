import type * as Client from '@tidegate/client'
import type * as IndexedDbOutbox from '@tidegate/client/indexeddb-outbox'
import { createClient } from '@tidegate/client/node'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isChromiumMissing, launchChromium } from '../support/chromium.ts'
import { contract } from '../support/contract.ts'
import { pageScript, UNRESTRICTED } from '../support/page-script.ts'
import { useGateway } from '../support/use-gateway.ts'

const isSkipped = await isChromiumMissing()

type Library = typeof Client & typeof IndexedDbOutbox
type Opened = {
  readonly publish: (id: string) => void
  readonly flush: () => Promise<void>
  readonly outcomes: string[]
}
type Scope = { library: Library; opened: Opened }

describe.skipIf(isSkipped)('an outbox in IndexedDB', async () => {
  const server = await useGateway(contract, { partitions: 1 })
  let browser: Browser
  let context: BrowserContext
  let script: string

  beforeAll(async () => {
    browser = await launchChromium()
    context = await browser.newContext(UNRESTRICTED)
    script = await pageScript(`
      import { createClient } from '@tidegate/client'
      import { openIndexedDbOutbox } from '@tidegate/client/indexeddb-outbox'
      globalThis.library = { createClient, openIndexedDbOutbox }
    `)
  })
  afterAll(() => browser?.close())

  /** Opens the store and a client, as a page does. @returns the code of the error, if there was one */
  async function start(page: Page): Promise<string | undefined> {
    await page.addScriptTag({ content: script })
    return page.evaluate(async () => {
      const { library } = globalThis as unknown as Scope
      const outcomes: string[] = []
      try {
        const store = await library.openIndexedDbOutbox({
          onRestored: ({ events, ...outcome }) => {
            for (const { id } of events) outcomes.push('error' in outcome ? `${id} ${outcome.error.code}` : id!)
          },
        })
        const client = library.createClient({ url: location.origin, outbox: { store } })
        const publish = (id: string) => {
          client.publish('sensor.reading', { id, data: { sensorId: 's', temperature: 1, humidity: 2 } }).catch(() => {})
        }
        Object.assign(globalThis, { opened: { publish, flush: () => store.flush(), outcomes } satisfies Opened })
        return undefined
      } catch (error) {
        return (error as { code?: string }).code ?? `${error}`
      }
    })
  }

  const publish = (page: Page, ids: readonly string[]) =>
    page.evaluate(async (ids) => {
      const { opened } = globalThis as unknown as Scope
      for (const id of ids) opened.publish(id)
      await opened.flush()
    }, ids)

  async function storedIds(): Promise<string[]> {
    const client = createClient({ url: server.url })
    const events = (await client.query('history', { topic: 'sensor.reading' })) as { id: string }[]
    await client.close({ deadlineMs: 0 })
    return events.map(({ id }) => id)
  }

  test('C-STORE-2 C-STORE-8 a page that is reloaded while it is offline: what it published is stored once, in order, when it is online; another tab gets a clear error meanwhile', async () => {
    const page = await context.newPage()
    const url = `${server.url}/livez`
    await page.goto(url)
    expect(await start(page)).toBeUndefined()
    const other = await context.newPage()
    await other.goto(url)
    const ids = Array.from({ length: 60 }, (_, i) => `e${String(i).padStart(2, '0')}`)
    await publish(page, ids.slice(0, 20))
    // The page itself stays reachable: only its sockets are cut and refused.
    await page.routeWebSocket(/.*/, (socket) => void socket.close())
    await page.reload()
    expect(await start(page)).toBeUndefined()
    await publish(page, ids.slice(20, 40))
    await page.close()
    const next = await context.newPage()
    await next.goto(url)
    expect(await start(next)).toBeUndefined()
    const refused = start(other)
    await publish(next, ids.slice(40))
    await expect.poll(storedIds).toEqual(ids)
    const outcomes = () => next.evaluate(() => (globalThis as unknown as Scope).opened.outcomes)
    await expect.poll(async () => (await outcomes()).slice(-20)).toEqual(ids.slice(20, 40))
    expect(await refused).toBe('store_in_use')
    await next.close()
    await other.close()
  })
})
