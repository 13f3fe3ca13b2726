import { describe, expect, it } from 'vitest'
import { PageAccess, type PageSettings } from '../src/page-access.ts'
import { parseHostPattern, parseOriginPattern } from '../src/web-origin.ts'

type Headers = Readonly<Record<string, string>>

function judge(headers: Headers, settings: Partial<Record<keyof PageSettings, string>> = {}, method = 'GET') {
  const list = (text = '') => text.split(',').filter((word) => word !== '')
  const access = new PageAccess({
    host: settings.host ?? '127.0.0.1',
    origins: list(settings.origins).map(parseOriginPattern),
    hosts: list(settings.hosts).map(parseHostPattern),
  })
  const verdict = access.judge({ method, header: (name) => headers[name] })
  return verdict.kind === 'refused'
    ? `${verdict.code} ${/TIDEGATE_\w+/.exec(verdict.message)?.[0] ?? ''}`.trim()
    : verdict.kind
}

const BAD_ORIGIN = 'forbidden TIDEGATE_ORIGINS'
const BAD_HOST = 'forbidden TIDEGATE_HOSTS'

describe('PageAccess', () => {
  it.each([
    ['the same address', 'http://127.0.0.1:8080', '127.0.0.1:8080'],
    ['an address of the network', 'http://192.168.1.5:8080', '192.168.1.5:8080'],
    ['IPv6', 'http://[fd00::1]:8080', '[FD00:0:0::1]:8080'],
    ['upper case', 'HTTP://GATE.example.org', 'gate.Example.ORG'],
    ['a default port on one side', 'http://gate.example.org', 'gate.example.org:80'],
    ['a default port of https', 'https://gate.example.org:443', 'gate.example.org'],
    ['a dot at the end', 'http://gate.example.org', 'gate.example.org.'],
  ])('G-PAGE-1 a page of its own host may use it: %s', (_, origin, host) => {
    expect(judge({ origin, host }, { hosts: 'gate.example.org' })).toBe('own')
  })

  it.each([
    ['another host', 'http://evil.example', '127.0.0.1:8080'],
    ['another port', 'http://192.168.1.5:8081', '192.168.1.5:8080'],
    ['the default port, of a gateway that has another', 'http://192.168.1.5', '192.168.1.5:8080'],
    ['the port of the other scheme', 'https://192.168.1.5', '192.168.1.5:80'],
    ['no origin that can be named', 'null', '127.0.0.1:8080'],
    ['nothing', '', '127.0.0.1:8080'],
    ['two origins', 'http://127.0.0.1:8080, http://evil.example', '127.0.0.1:8080'],
    ['a path', 'http://127.0.0.1:8080/', '127.0.0.1:8080'],
    ['a user', 'http://127.0.0.1:8080@evil.example', '127.0.0.1:8080'],
    ['a name that begins like an address', 'http://127.0.0.1.evil.example', '127.0.0.1:8080'],
    ['a name that ends like loopback', 'http://evillocalhost', '127.0.0.1:8080'],
    ['a name that begins like loopback', 'http://localhost.evil.example', '127.0.0.1:8080'],
    ['a file', 'file://', '127.0.0.1:8080'],
    ['an extension', 'chrome-extension://abcdefgh', '127.0.0.1:8080'],
    ['loopback, of a gateway elsewhere', 'http://localhost:8080', '192.168.1.5:8080'],
  ])('G-PAGE-1 a page of %s may not, and is referred to the setting', (_, origin, host) => {
    expect(judge({ origin, host })).toBe(BAD_ORIGIN)
  })

  it.each([
    ['http://localhost:5173', '127.0.0.1:8080'],
    ['https://app.localhost', 'localhost:8080'],
    ['http://127.8.9.1:3000', '[::1]:8080'],
    ['http://[::1]:3000', 'localhost'],
    ['http://[::ffff:127.0.0.1]:3000', '127.0.0.1'],
    ['http://LOCALHOST.:3000', '127.1:8080'],
  ])('G-PAGE-1 a page of this machine, %s, may use a gateway that is reached as %s', (origin, host) => {
    expect(judge({ origin, host })).toBe('guest')
    expect(judge({ origin, host }, { host: '0.0.0.0' })).toBe('guest')
  })

  it.each([
    ['https://app.example.org', 'https://app.example.org', 'guest'],
    ['https://app.example.org', 'https://APP.example.org:443', 'guest'],
    ['https://app.example.org', 'http://app.example.org', BAD_ORIGIN],
    ['https://app.example.org', 'https://app.example.org:8443', BAD_ORIGIN],
    ['https://app.example.org', 'https://x.app.example.org', BAD_ORIGIN],
    ['https://app.example.org:8443', 'https://app.example.org:8443', 'guest'],
    ['https://*.example.org', 'https://a.b.example.org', 'guest'],
    ['https://*.example.org', 'https://example.org', BAD_ORIGIN],
    ['https://*.example.org', 'https://evilexample.org', BAD_ORIGIN],
    ['https://*.example.org', 'https://a.example.org.evil.example', BAD_ORIGIN],
    ['capacitor://localhost', 'capacitor://localhost', 'guest'],
    ['https://app.example.org', 'null', BAD_ORIGIN],
  ])('G-PAGE-1 with TIDEGATE_ORIGINS=%s a page of %s is %s', (origins, origin, verdict) => {
    expect(judge({ origin, host: '127.0.0.1:8080' }, { origins })).toBe(verdict)
  })

  it('G-PAGE-1 a page of its own host that came another way than the request is a page of another origin', () => {
    const headers = { origin: 'http://gate.example.org', host: 'gate.example.org' }
    const hosts = { hosts: 'gate.example.org' }
    expect(judge({ ...headers, 'sec-fetch-site': 'same-origin' }, hosts)).toBe('own')
    expect(judge({ ...headers, 'sec-fetch-site': 'cross-site' }, hosts)).toBe(BAD_ORIGIN)
    expect(judge({ ...headers, 'sec-fetch-site': 'cross-site' }, { ...hosts, origins: headers.origin })).toBe('guest')
  })

  it.each([
    'localhost',
    'LocalHost:8080',
    'gate.localhost',
    '127.0.0.1:8080',
    '[::1]:8080',
    '192.168.1.5:8080',
    '0.0.0.0:8080',
    '[fd00::1]',
  ])('G-PAGE-2 a gateway on loopback is reached as %s', (host) => {
    expect(judge({ host })).toBe('own')
  })

  it.each(['evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example', 'gateway:8080', 'x'])(
    'G-PAGE-2 it is not reached as %s, a name that may be made to resolve to it, with or without an Origin',
    (host) => {
      expect(judge({ host })).toBe(BAD_HOST)
      expect(judge({ host, origin: `http://${host}` })).toBe(BAD_HOST)
    },
  )

  it.each([
    ['gate.example.org', { hosts: 'gate.example.org' }, 'own'],
    ['gate.example.org.:8080', { hosts: 'gate.example.org' }, 'own'],
    ['a.b.example.org', { hosts: 'x.y,*.example.org' }, 'own'],
    ['example.org', { hosts: '*.example.org' }, BAD_HOST],
    ['app.example.org', { origins: 'https://app.example.org' }, 'own'],
    ['gate.internal:8080', { host: 'gate.internal' }, 'own'],
    ['gateway:8080', { host: '0.0.0.0' }, 'own'],
    ['gateway:8080', { host: '::' }, 'own'],
    ['gateway:8080', { host: '::1' }, BAD_HOST],
    ['evil.example:8080', { host: '0.0.0.0' }, BAD_HOST],
  ])('G-PAGE-2 as %s, with %j: %s', (host, settings, verdict) => {
    expect(judge({ host }, settings)).toBe(verdict)
  })

  it.each([
    '',
    ':8080',
    'a b',
    'localhost:x',
    'localhost:123456',
    'user@localhost',
    'localhost/x',
    '[::1',
    '::1',
    '%6c',
    '.',
  ])('G-PAGE-2 Host %j is no host', (host) => {
    expect(judge({ host })).toBe('invalid_frame')
  })

  it('G-PAGE-3 a page of another origin that asks without CORS is refused; a link to the gateway is not', () => {
    const host = { host: '127.0.0.1:8080' }
    for (const site of ['cross-site', 'same-site', 'something new']) {
      const from = { ...host, 'sec-fetch-site': site }
      expect(judge(from)).toBe('forbidden')
      expect(judge({ ...from, 'sec-fetch-dest': 'script' })).toBe('forbidden')
      expect(judge({ ...from, 'sec-fetch-dest': 'iframe' })).toBe('forbidden')
      expect(judge({ ...from, 'sec-fetch-dest': 'document' })).toBe('own')
      expect(judge({ ...from, 'sec-fetch-dest': 'document' }, {}, 'POST')).toBe('forbidden')
    }
    for (const site of ['same-origin', 'none']) expect(judge({ ...host, 'sec-fetch-site': site })).toBe('own')
  })

  it('G-PAGE-1 what is no page names no origin, and may use it', () => {
    expect(judge({ host: '127.0.0.1:8080' }, {}, 'POST')).toBe('own')
  })
})

describe('settings', () => {
  it.each([
    'app.example.org',
    'https://',
    'https://a/b',
    'null',
    '*',
    'https://*',
    'https://*.org',
    'https://*.127.0.0.1',
    'https://a.*.org',
  ])('G-PAGE-1 %s is no origin that may be named', (text) => {
    expect(() => parseOriginPattern(text)).toThrow(RangeError)
  })

  it.each(['gate.example.org:80', 'https://gate.example.org', '*', '*.org', 'a b', ''])(
    'G-PAGE-2 %j is no host that may be named',
    (text) => {
      expect(() => parseHostPattern(text)).toThrow(RangeError)
    },
  )
})
