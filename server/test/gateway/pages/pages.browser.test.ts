import { createServer, type Server } from 'node:http'
import { SignJWT } from 'jose'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type GatewaySettings, type RunningGateway, startGateway } from '../../../src/gateway-app.ts'
import { parseOriginPattern } from '../../../src/web-origin.ts'
import { PATIENT_APPEND_MS } from '../../support/bus.ts'
import { isChromiumMissing, launchChromium } from '../../support/chromium.ts'
import { runCommand } from '../../support/command-line.ts'
import { contract, readingOf } from '../../support/contract.ts'
import { DELIVERY_LIMITS } from '../../support/delivery-limits.ts'
import { startTestRedis, type TestRedis } from '../../support/redis.ts'

const isSkipped = await isChromiumMissing()
const SECONDS_60 = 60_000
const HISTORY = '/v1/history?topic=sensor.reading'

/** What a page achieved at a gateway. */
interface Achieved {
  readonly published: number | 'failed'
  readonly read: number | 'failed'
  readonly socket: 'open' | 'failed'
  readonly stream: 'open' | 'failed'
  readonly script: 'loaded' | 'failed'
}

/** Runs in a page. Tries by every means that a page has; the ids of what it publishes begin with `by`. */
async function tryEverything({ url, by, data }: { url: string; by: string; data: object }): Promise<Achieved> {
  const body = (how: string) => JSON.stringify({ topic: 'sensor.reading', id: `${by}-${how}`, data })
  const statusOf = async (path: string, init: RequestInit = {}) => {
    try {
      return (await fetch(url + path, init)).status
    } catch {
      return 'failed' as const
    }
  }
  const post = (how: string, init: RequestInit) => statusOf('/v1/events', { method: 'POST', body: body(how), ...init })
  const published = await post('json', { headers: { 'content-type': 'application/json' } })
  await post('text', { mode: 'no-cors', headers: { 'content-type': 'text/plain' } })
  await post('form', { mode: 'no-cors', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  await post('none', { mode: 'no-cors', body: new Blob([body('none')]) })
  navigator.sendBeacon(`${url}/v1/events`, body('beacon'))
  const opened = (source: WebSocket | EventSource) =>
    new Promise<'open' | 'failed'>((resolve) => {
      source.onopen = () => resolve('open')
      source.onerror = () => resolve('failed')
    }).finally(() => source.close())
  const script = document.createElement('script')
  const loaded = new Promise<'loaded' | 'failed'>((resolve) => {
    script.onload = () => resolve('loaded')
    script.onerror = () => resolve('failed')
    document.head.append(script)
  })
  // The policy of the gateway's own page forbids even to set an address that is no trusted one.
  if (!('trustedTypes' in globalThis) || location.origin !== url) script.src = `${url}/v1/history?topic=sensor.reading`
  return {
    published,
    read: await statusOf('/v1/history?topic=sensor.reading'),
    socket: await opened(new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, 'tidegate.v1')),
    stream: await opened(new EventSource(`${url}/v1/stream?topic=sensor.*`)),
    script: script.src === '' ? 'failed' : await loaded,
  }
}

describe.skipIf(isSkipped)('pages in Chromium', () => {
  let browser: Browser
  let redis: TestRedis
  /** With default settings. */
  let plain: RunningGateway
  /** Names the origin of the other site. */
  let friendly: RunningGateway
  let site: Server
  let siteOrigin: string

  const start = (origins: string, changes: Partial<GatewaySettings> = {}) =>
    startGateway(
      {
        redisUrl: redis.url,
        partitions: 1,
        host: '127.0.0.1',
        port: 0,
        sharedPort: false,
        delivery: DELIVERY_LIMITS,
        node: `gw-${origins === '' ? 'plain' : 'friendly'}`,
        maxLagMs: 10_000,
        appendDeadlineMs: PATIENT_APPEND_MS,
        ...changes,
        origins: origins === '' ? [] : [parseOriginPattern(origins)],
        onDefect: () => {},
      },
      contract,
    )
  const urlOf = ({ port }: RunningGateway) => `http://127.0.0.1:${port}`

  beforeAll(async () => {
    site = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' })
      response.end('<!doctype html><title>another site</title>')
    })
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
    siteOrigin = `http://other.example:${(site.address() as { port: number }).port}`
    redis = await startTestRedis()
    browser = await launchChromium('--host-resolver-rules=MAP *.example 127.0.0.1')
    plain = await start('')
    friendly = await start(siteOrigin)
  }, SECONDS_60)
  afterAll(async () => {
    await browser?.close()
    site?.close()
    await Promise.all([plain, friendly].map((gateway) => gateway?.close({ deadlineMs: 100 })))
    await redis?.close()
  })

  async function pageOf(url: string) {
    const page = await browser.newPage()
    const response = await page.goto(url)
    return { page, status: response?.status() }
  }

  async function storedBy(name: string): Promise<string[]> {
    const { events } = (await (await fetch(urlOf(plain) + HISTORY)).json()) as { events: { id: string }[] }
    return events.map(({ id }) => id).filter((id) => id.startsWith(name))
  }

  test(
    'G-PAGE-7 a page of another origin can do nothing at a gateway of default settings, and what it may where it is named',
    async () => {
      const { page } = await pageOf(siteOrigin)
      const { data } = readingOf('page')
      const refused = await page.evaluate(tryEverything, { url: urlOf(plain), by: 'evil', data })
      const failed = { published: 'failed', read: 'failed', socket: 'failed', stream: 'failed', script: 'failed' }
      expect(refused).toEqual(failed)
      expect(await storedBy('evil')).toEqual([])
      // The same page, so that what failed did so because of the gateway.
      const allowed = await page.evaluate(tryEverything, { url: urlOf(friendly), by: 'friend', data })
      expect(allowed).toEqual({ published: 200, read: 200, socket: 'open', stream: 'open', script: 'failed' })
      expect(await storedBy('friend')).toEqual(['friend-json'])
      await page.close()
    },
    SECONDS_60,
  )

  test(
    'G-PAGE-7 a page whose name resolves to the gateway gets nothing of it',
    async () => {
      const { page, status } = await pageOf(`http://rebound.example:${plain.port}/`)
      expect(status).toBe(403)
      expect(await page.evaluate(async (path) => (await fetch(path)).status, HISTORY).catch(() => 'failed')).not.toBe(
        200,
      )
      await page.close()
    },
    SECONDS_60,
  )

  test(
    'G-PAGE-6 G-PAGE-7 the page of the gateway may do everything there, but evaluate text as code',
    async () => {
      const { page } = await pageOf(urlOf(plain))
      const achieved = await page.evaluate(tryEverything, { url: urlOf(plain), by: 'own', data: readingOf('own').data })
      expect(achieved).toMatchObject({ published: 200, read: 200, socket: 'open', stream: 'open' })
      expect(await storedBy('own')).toEqual(['own-json'])
      // In a task of its own: what the debugger calls may evaluate text.
      const evaluated = await page.evaluate(async () => {
        await new Promise((resolve) => setTimeout(resolve))
        try {
          return new Function('return 1')()
        } catch (error) {
          return (error as Error).name
        }
      })
      expect(evaluated).toBe('EvalError')
      await page.close()
    },
    SECONDS_60,
  )

  test(
    'G-PAGE-8 G-PAGE-9 the page asks for a token where callers have to show one, works with it, and says what it may not show, and that it was revoked',
    async () => {
      const secret = 'a secret of more than thirty-two bytes'
      const access = { anonymous: 'rules', secret, toleranceSeconds: 0, rightsClaim: 'tidegate' } as const
      const asking = await start('', { access, node: 'gw-asking' })
      const every = ['>']
      const token = await new SignJWT({ sub: 'ann', tidegate: { subscribe: every, query: every } })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(Buffer.from(secret))
      const { page } = await pageOf(urlOf(asking))
      await page.fill('#token', 'no.such.token')
      await page.click('button[type=submit]')
      await page.getByText('The gateway does not take this token.').waitFor()
      await page.fill('#token', token)
      await page.click('button[type=submit]')
      await page.locator('#badge[data-status=online]').waitFor()
      await page.reload()
      await page.locator('#badge[data-status=online]').waitFor()
      expect(await page.locator('#token').count()).toBe(0)
      await page.locator('#overview .withheld', { hasText: 'the right admin' }).waitFor()
      vi.stubEnv('REDIS_URL', redis.url)
      expect((await runCommand('revoke', 'ann')).code).toBe(0)
      vi.unstubAllEnvs()
      await page.locator('#badge', { hasText: 'Signed out, as your token is not taken any more' }).waitFor()
      await page.reload()
      await page.getByText('The gateway does not take this token.').waitFor()
      await page.close()
      await asking.close({ deadlineMs: 100 })
    },
    SECONDS_60,
  )
})
