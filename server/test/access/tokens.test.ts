import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, SignJWT } from 'jose'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { type TokenSettings, TokenVerifier } from '../../src/access/token-verifier.ts'

const SECRET = 'a secret of more than thirty-two bytes'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ed = generateKeyPairSync('ed25519')
const pem = (key: typeof rsa.publicKey) => key.export({ type: 'spki', format: 'pem' }) as string

interface Changes {
  readonly alg?: string
  readonly kid?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly expires?: string | number | null
}

const hs = (text: string) => createSecretKey(Buffer.from(text))

function signed(
  key: Parameters<SignJWT['sign']>[0],
  { alg = 'HS256', kid, claims = {}, expires = '1h' }: Changes = {},
) {
  const token = new SignJWT({ sub: 's-1', ...claims }).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
  if (!('iat' in claims)) token.setIssuedAt()
  if (expires !== null) token.setExpirationTime(expires)
  return token.sign(key)
}

const verifier = (settings: Partial<TokenSettings>) =>
  new TokenVerifier({ toleranceSeconds: 0, rightsClaim: 'tidegate', ...settings })
const bySecret = verifier({ secret: SECRET })

async function saysOf(of: TokenVerifier, token: string) {
  const result = await of.verify(token)
  return result.kind === 'refused' ? `${result.code}: ${result.reason}` : result.kind
}

describe('tokens', () => {
  it('ACC-TOKEN-1 count with a good signature, sub and exp; the claims are those of the token', async () => {
    const token = await signed(hs(SECRET), { claims: { tidegate: { publish: ['a.*:$sub'] }, role: 'x', jti: 't-1' } })
    expect(await bySecret.verify(token)).toMatchObject({
      kind: 'token',
      subject: 's-1',
      claims: { role: 'x' },
      id: 't-1',
      grants: [{ operation: 'publish', selector: 'a.*', key: { kind: 'exact', key: '$sub' } }],
    })
  })

  it.each<[string, () => Promise<string> | string, RegExp]>([
    ['no token', () => '', /unauthorized/],
    ['no three parts', () => 'abc', /unauthorized/],
    ['garbage', () => 'a.b.c', /unauthorized/],
    ['another secret', () => signed(hs(`${SECRET}!`)), /SIGNATURE/],
    ['expired', () => signed(hs(SECRET), { expires: 1 }), /expired/],
    ['no exp', () => signed(hs(SECRET), { expires: null }), /exp: missing/],
    ['not yet valid', () => signed(hs(SECRET), { claims: { nbf: 99_999_999_999 } }), /nbf/],
    ['no iat', () => signed(hs(SECRET), { claims: { iat: undefined } }), /iat: missing/],
    ['issued later than now', () => signed(hs(SECRET), { claims: { iat: Date.now() } }), /iat is later/],
    ['a jti that nobody can revoke', () => signed(hs(SECRET), { claims: { jti: 7 } }), /jti is no text/],
    ['no sub', () => signed(hs(SECRET), { claims: { sub: undefined } }), /sub: missing/],
    ['an empty sub', () => signed(hs(SECRET), { claims: { sub: '' } }), /sub is not a text/],
    [
      'a sub of half a surrogate',
      () => signed(hs(SECRET), { claims: { sub: '\ud800' } }),
      /sub is not a text|unauthorized/,
    ],
    [
      'a sub that is the name of an API key',
      () => signed(hs(SECRET), { claims: { sub: 'key:billing' } }),
      /another kind/,
    ],
    ['the sub of nobody', () => signed(hs(SECRET), { claims: { sub: 'anonymous' } }), /another kind/],
    [
      'a sub that presence gives to somebody unknown',
      () => signed(hs(SECRET), { claims: { sub: 'anonymous:gw-1-0' } }),
      /another kind/,
    ],
    [
      'the sub of a reaction, as handlers know it',
      () => signed(hs(SECRET), { claims: { sub: 'system:order' } }),
      /another kind/,
    ],
    [
      "presence's name for those it does not list",
      () => signed(hs(SECRET), { claims: { sub: '~more' } }),
      /another kind/,
    ],
    ['too long', () => signed(hs(SECRET), { claims: { x: 'x'.repeat(9_000) } }), /too long/],
  ])('ACC-TOKEN-1 ACC-TOKEN-6 do not count: %s', async (_, token, says) => {
    expect(await saysOf(bySecret, await token())).toMatch(says)
  })

  it('ACC-TOKEN-1 of another issuer or audience do not count', async () => {
    const strict = verifier({ secret: SECRET, issuer: 'https://id.example', audience: 'tidegate' })
    const right = { iss: 'https://id.example', aud: ['x', 'tidegate'] }
    expect(await saysOf(strict, await signed(hs(SECRET), { claims: right }))).toBe('token')
    expect(
      await saysOf(strict, await signed(hs(SECRET), { claims: { ...right, iss: 'https://evil.example' } })),
    ).toMatch(/iss/)
    expect(await saysOf(strict, await signed(hs(SECRET), { claims: { ...right, aud: 'y' } }))).toMatch(/aud/)
    expect(await saysOf(strict, await signed(hs(SECRET)))).toMatch(/unauthorized/)
  })

  it('ACC-TOKEN-2 of algorithm none, and of a public key taken for a secret, do not count', async () => {
    const byKey = verifier({ publicKey: pem(rsa.publicKey) })
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const none = `${part({ alg: 'none' })}.${part({ sub: 's', exp: 9_999_999_999 })}.`
    for (const each of [bySecret, byKey]) expect(await saysOf(each, none)).toMatch(/^unauthorized/)
    expect(await saysOf(byKey, await signed(rsa.privateKey, { alg: 'RS256' }))).toBe('token')
    expect(await saysOf(byKey, await signed(hs(pem(rsa.publicKey))))).toMatch(/algorithm/)
    const both = verifier({ secret: SECRET, publicKey: pem(rsa.publicKey) })
    expect(await saysOf(both, await signed(hs(pem(rsa.publicKey))))).toMatch(/SIGNATURE/)
    expect(await saysOf(both, await signed(hs(SECRET)))).toBe('token')
    expect(await saysOf(byKey, await signed(other.privateKey, { alg: 'RS256' }))).toMatch(/SIGNATURE/)
    expect(await saysOf(byKey, await signed(ed.privateKey, { alg: 'EdDSA' }))).toMatch(/algorithm/)
    expect(
      await saysOf(verifier({ publicKey: pem(ed.publicKey) }), await signed(ed.privateKey, { alg: 'EdDSA' })),
    ).toBe('token')
  })

  it('ACC-TOKEN-4 valid for longer than revocations are kept, or with rights that cannot be read, do not count', async () => {
    expect(await saysOf(bySecret, await signed(hs(SECRET), { expires: '91d' }))).toMatch(/90 days/)
    const rights = (tidegate: unknown) => signed(hs(SECRET), { claims: { tidegate } })
    expect(await saysOf(bySecret, await rights('all'))).toMatch(/claim tidegate/)
    expect(await saysOf(bySecret, await rights({ publish: 'a.*' }))).toMatch(/publish must be a list/)
    expect(await saysOf(bySecret, await rights({ publish: ['a..b'] }))).toMatch(/no topic selector/)
    expect(await saysOf(bySecret, await rights({ destroy: ['a'] }))).toMatch(/unknown operation destroy/)
    expect(await saysOf(bySecret, await rights({ publish: Array(300).fill('a') }))).toMatch(/256 grants/)
  })
})

describe('a key set', () => {
  const keySets: { keys: object[] } = { keys: [] }
  let fetched = 0
  let isAway = false
  let answer = (response: ServerResponse): unknown => response.end(JSON.stringify(keySets))
  const server = createServer((_, response) => {
    fetched++
    if (isAway) response.writeHead(500).end()
    else answer(response)
  })
  const listening = new Promise<URL>((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)),
    ),
  )
  afterAll(() => server.close())
  afterEach(() => {
    vi.useRealTimers()
    isAway = false
    answer = (response) => response.end(JSON.stringify(keySets))
  })
  const inMinutes = (minutes: number) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 })
  }
  const byKey = (kid: string, { privateKey } = rsa) => signed(privateKey, { alg: 'RS256', kid })

  it('ACC-TOKEN-3 is fetched once, and its keys count while its issuer is away', async () => {
    const of = verifier({ jwksUrl: await listening })
    isAway = true
    expect(await saysOf(of, await signed(rsa.privateKey, { alg: 'RS256', kid: 'k-1' }))).toMatch(/^unavailable/)
    isAway = false
    keySets.keys = [{ ...(await exportJWK(rsa.publicKey)), kid: 'k-1', alg: 'RS256' }]
    const again = verifier({ jwksUrl: await listening })
    const before = fetched
    for (let i = 0; i < 5; i++) {
      expect(await saysOf(again, await signed(rsa.privateKey, { alg: 'RS256', kid: 'k-1' }))).toBe('token')
    }
    expect(fetched - before).toBe(1)
    isAway = true
    expect(await saysOf(again, await signed(rsa.privateKey, { alg: 'RS256', kid: 'k-1' }))).toBe('token')
    // Unknown keys do not make it ask without end.
    for (let i = 0; i < 20; i++) {
      expect(await saysOf(again, await signed(other.privateKey, { alg: 'RS256', kid: `k-${i}` }))).toMatch(
        /unauthorized|unavailable/,
      )
    }
    expect(fetched - before).toBeLessThanOrEqual(2)
    expect(await saysOf(again, await signed(hs(SECRET), { kid: 'k-1' }))).toMatch(/algorithm/)
  })

  it('ACC-TOKEN-3 an issuer that hangs makes nobody wait who shows a known key, nor does one that sends what is none', async () => {
    keySets.keys = [{ ...(await exportJWK(rsa.publicKey)), kid: 'k-1', alg: 'RS256' }]
    const of = verifier({ jwksUrl: await listening })
    expect(await saysOf(of, await byKey('k-1'))).toBe('token')
    const hanging: ServerResponse[] = []
    answer = (response) => hanging.push(response)
    inMinutes(11)
    const began = performance.now()
    expect(await Promise.all([byKey('k-1'), byKey('k-1')].map(async (token) => saysOf(of, await token)))).toEqual([
      'token',
      'token',
    ])
    expect(hanging).toHaveLength(1)
    expect(performance.now() - began).toBeLessThan(3_500)
    hanging[0]!.end('{"keys": 7}')
    expect(await saysOf(of, await byKey('k-1'))).toBe('token')
  })

  it('ACC-TOKEN-3 what was signed with a key that is not known yet cannot be judged while the issuer is away', async () => {
    keySets.keys = [{ ...(await exportJWK(rsa.publicKey)), kid: 'k-1', alg: 'RS256' }]
    const of = verifier({ jwksUrl: await listening })
    expect(await saysOf(of, await byKey('k-1'))).toBe('token')
    isAway = true
    inMinutes(1)
    expect(await saysOf(of, await byKey('k-2', other))).toMatch(/^unavailable/)
    expect(await saysOf(of, await byKey('k-1'))).toBe('token')
  })

  it('ACC-TOKEN-3 keys that the issuer has withdrawn count no more once its set is fetched again', async () => {
    keySets.keys = [{ ...(await exportJWK(rsa.publicKey)), kid: 'k-1', alg: 'RS256' }]
    const of = verifier({ jwksUrl: await listening })
    expect(await saysOf(of, await byKey('k-1'))).toBe('token')
    keySets.keys = [{ ...(await exportJWK(other.publicKey)), kid: 'k-2', alg: 'RS256' }]
    inMinutes(11)
    expect(await saysOf(of, await byKey('k-2', other))).toBe('token')
    expect(await saysOf(of, await byKey('k-1'))).toMatch(/^unauthorized/)
  })

  it('ACC-TOKEN-5 names of keys that there are not make no fetch each, and a redirection is not followed', async () => {
    keySets.keys = [{ ...(await exportJWK(rsa.publicKey)), kid: 'k-1', alg: 'RS256' }]
    const url = await listening
    const of = verifier({ jwksUrl: url })
    expect(await saysOf(of, await byKey('k-1'))).toBe('token')
    const before = fetched
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => byKey(`x-${i}`, other)))
    const says = await Promise.all(tokens.map((token) => saysOf(of, token)))
    expect(new Set(says)).toEqual(new Set(['unauthorized: ERR_JWKS_NO_MATCHING_KEY']))
    expect(fetched - before).toBe(0)
    answer = (response) => response.writeHead(302, { location: new URL('/elsewhere', url).href }).end()
    const led = fetched
    expect(await saysOf(verifier({ jwksUrl: url }), await byKey('k-1'))).toMatch(/^unavailable/)
    expect(fetched - led).toBe(1)
  })

  it('ACC-TOKEN-5 an issuer that fails is not asked for each token, and no more is read than a key set may have', async () => {
    const of = verifier({ jwksUrl: await listening })
    isAway = true
    const before = fetched
    for (let i = 0; i < 20; i++) expect(await saysOf(of, await byKey('k-1'))).toMatch(/^unavailable/)
    expect(fetched - before).toBeLessThan(5)
    isAway = false
    let sentBytes = 0
    const part = Buffer.alloc(65_536, ' ')
    const cut = new Promise<void>((resolve) => {
      answer = (response) => {
        const send = () => {
          while (!response.destroyed && response.write(part)) sentBytes += part.length
        }
        response.on('drain', send).on('close', resolve)
        send()
      }
    })
    expect(await saysOf(verifier({ jwksUrl: await listening }), await byKey('k-1'))).toMatch(/^unavailable/)
    await cut
    // Sockets and the client keep some MB besides.
    expect(sentBytes).toBeLessThan(32 * 1_048_576)
  })
})
