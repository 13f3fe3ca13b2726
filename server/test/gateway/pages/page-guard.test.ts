import { describe, expect, it } from 'vitest'
import { parseOriginPattern } from '../../../src/web-origin.ts'
import { contract, readingOf } from '../../support/contract.ts'
import { httpRequest } from '../../support/http-request.ts'
import { useGateway } from '../../support/use-gateway.ts'
import { HANDSHAKE } from '../transport/support.ts'

const APP = 'https://app.example.org'
const EVIL = 'https://evil.example'
const server = await useGateway(contract, { origins: [parseOriginPattern(APP)] })

const JSON_TYPE = { 'content-type': 'application/json' }
const ask = (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = '') =>
  httpRequest(server.port, method, path, headers, body)
const event = (sensorId: string) => JSON.stringify({ topic: 'sensor.reading', ...readingOf(sensorId) })

async function stored(sensorId: string): Promise<boolean> {
  const pages = await Promise.all(
    [0, 1, 2, 3].map((partition) => ask('GET', `/v1/history?topic=sensor.reading&partition=${partition}`)),
  )
  return pages.some(({ text }) => text.includes(`"${sensorId}"`))
}

describe('pages of other origins', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/livez'],
    ['GET', '/readyz'],
    ['GET', '/metrics'],
    ['GET', '/v1/topics'],
    ['GET', '/v1/history?topic=sensor.reading'],
    ['GET', '/v1/windows/nope'],
    ['GET', '/v1/slow'],
    ['GET', '/v1/entities'],
    ['GET', '/v1/stream?topic=sensor.*'],
    ['HEAD', '/v1/stream?topic=sensor.*'],
    ['GET', '/nothing/here'],
    ['POST', '/v1/events'],
    ['POST', '/v1/entities/user/42/register'],
    ['OPTIONS', '/v1/events'],
  ])('G-PAGE-1 %s %s is refused, and its answer cannot be read by them', async (method, path) => {
    const { status, headers, text } = await ask(method, path, { ...JSON_TYPE, origin: EVIL })
    expect(status).toBe(403)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    if (method === 'HEAD') return
    expect(JSON.parse(text).error).toMatchObject({ code: 'forbidden' })
    expect(text).toContain(EVIL)
    expect(text).toContain('TIDEGATE_ORIGINS')
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
    'application/json',
  ])('G-PAGE-1 they publish nothing, as type %j', async (type) => {
    const headers = type === '' ? {} : { 'content-type': type }
    expect(await ask('POST', '/v1/events', { ...headers, origin: EVIL }, event('stolen'))).toMatchObject({
      status: 403,
    })
    expect(await stored('stolen')).toBe(false)
  })

  it.each([
    [{ Origin: EVIL }, 403],
    [{ Origin: 'null' }, 403],
    [{ Host: 'evil.example' }, 403],
    [{ Origin: APP }, 101],
    [{}, 101],
  ])('G-PAGE-1 G-PAGE-2 a WebSocket handshake with %j is answered with %i', async (changes, status) => {
    const { headers, ...answer } = await ask('GET', '/v1/ws', { ...HANDSHAKE, ...(changes as Record<string, string>) })
    expect(answer.status).toBe(status)
    if (status === 403) expect(JSON.parse(answer.text).error.code).toBe('forbidden')
  })

  it('G-PAGE-2 a name that is not known is refused, with the setting', async () => {
    const { status, text } = await ask('GET', '/v1/topics', { host: 'evil.example:8080' })
    expect([status, JSON.parse(text).error.code]).toEqual([403, 'forbidden'])
    expect(text).toContain('TIDEGATE_HOSTS')
  })

  it('G-PAGE-3 they cannot load history as a script, and a link to it opens it', async () => {
    const from = { 'sec-fetch-site': 'cross-site' }
    expect(await ask('GET', '/v1/topics', { ...from, 'sec-fetch-dest': 'script' })).toMatchObject({ status: 403 })
    expect(await ask('GET', '/v1/topics', { ...from, 'sec-fetch-dest': 'document' })).toMatchObject({ status: 200 })
  })
})

describe('types of bodies', () => {
  it.each(['/v1/events', '/v1/entities/user/42/register'])('G-PAGE-4 %s takes JSON types only', async (path) => {
    for (const type of [
      'text/plain',
      'text/plain;charset=UTF-8',
      'application/x-www-form-urlencoded',
      'application/xml',
    ]) {
      const { status, text } = await ask('POST', path, { 'content-type': type }, event('typed'))
      expect([status, JSON.parse(text).error.code]).toEqual([415, 'unsupported_content'])
      expect(text).toContain('application/json')
    }
    expect(await stored('typed')).toBe(false)
  })

  it('G-PAGE-4 what is no page may leave the type out, a page may not', async () => {
    expect(await ask('POST', '/v1/events', {}, event('device'))).toMatchObject({ status: 200 })
    for (const headers of [{ origin: APP }, { 'sec-fetch-site': 'same-origin' }]) {
      expect(await ask('POST', '/v1/events', headers, event('untyped'))).toMatchObject({ status: 415 })
    }
    expect(await stored('untyped')).toBe(false)
  })
})

describe('CORS', () => {
  const preflight = (origin: string, headers = 'content-type') =>
    ask('OPTIONS', '/v1/events', {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': headers,
    })

  it('G-PAGE-5 a page of a named origin may ask, and read what it is answered', async () => {
    const allowed = await preflight(APP, 'content-type, ce-x, x-other')
    expect(allowed).toMatchObject({ status: 204, text: '' })
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-max-age': '600',
    })
    expect(allowed.headers['content-length']).toBeUndefined()
    const names = allowed.headers['access-control-allow-headers']!.split(', ')
    const used = ['content-type', 'authorization', 'idempotency-key', 'if-match', 'last-event-id', 'ce-id', 'ce-x']
    expect(names).toEqual(expect.arrayContaining(used))
    expect(names).not.toContain('x-other')
    const published = await ask('POST', '/v1/events', { ...JSON_TYPE, origin: APP }, event('app'))
    expect(published).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': APP } })
    expect(published.headers['access-control-expose-headers']).toContain('retry-after')
    const refused = await ask('GET', '/nothing', { origin: APP })
    expect(refused).toMatchObject({ status: 404, headers: { 'access-control-allow-origin': APP } })
    const stream = await ask('GET', '/v1/stream?topic=sensor.*', { origin: APP })
    expect(stream).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': APP } })
    for (const { headers } of [allowed, published, refused, stream]) expect(headers.vary).toContain('Origin')
  })

  it('G-PAGE-5 a page of another origin is given no permission, and a request of no page none either', async () => {
    const answers = [await preflight(EVIL), await ask('GET', '/v1/topics')]
    expect(answers.map(({ status }) => status)).toEqual([403, 200])
    for (const { headers } of answers) {
      expect(headers['access-control-allow-origin']).toBeUndefined()
      expect(headers.vary).toContain('Origin')
    }
  })

  it.each([
    ['/v1/events', 'POST, OPTIONS'],
    ['/v1/entities/user/42/register', 'POST, OPTIONS'],
    ['/v1/entities/user/42/history', 'GET, HEAD, POST, OPTIONS'],
    ['/v1/topics', 'GET, HEAD, OPTIONS'],
  ])('G-HTTP-8 OPTIONS %s of no page says which methods there are', async (path, allow) => {
    expect(await ask('OPTIONS', path)).toMatchObject({ status: 204, text: '', headers: { allow } })
  })
})

describe('headers', () => {
  const SAFE = {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  }

  it.each(['/livez', '/metrics', '/v1/topics', '/v1/stream?topic=sensor.*', '/nothing/here', '/v1/ws'])(
    'G-PAGE-6 GET %s is nothing that a browser loads, runs or frames',
    async (path) => {
      const { headers } = await ask('GET', path)
      expect(headers).toMatchObject(SAFE)
      expect(headers['content-security-policy']).toMatch(/^default-src 'none';.*frame-ancestors 'none'/)
    },
  )

  it('G-PAGE-6 the page runs its own files only, without eval, inline code or frames', async () => {
    const { headers } = await ask('GET', '/')
    expect(headers).toMatchObject({ ...SAFE, 'cross-origin-opener-policy': 'same-origin' })
    const policy = headers['content-security-policy'] as string
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
  })
})
