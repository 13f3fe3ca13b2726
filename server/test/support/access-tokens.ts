import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'

export const SECRET = 'a secret of more than thirty-two bytes'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
export const publicKey = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
export const ISSUED = { iss: 'https://id.example', aud: 'tidegate' }
/** What a device may do with its own key. */
export const OWN = {
  publish: ['sensor.*:$sub'],
  subscribe: ['sensor.>:$sub', 'counter.state:$sub'],
  query: ['sensor.>:$sub', 'counter:$sub'],
  command: ['counter.add:$sub'],
}

const hs = (text: string) => createSecretKey(Buffer.from(text))
/** A token of device `dev-1`, unless the claims say otherwise. */
export function signed(
  claims: object,
  {
    key = hs(SECRET),
    alg = 'HS256',
    kid,
    expires = '1h',
  }: { key?: Parameters<SignJWT['sign']>[0]; alg?: string; kid?: string; expires?: string | number } = {},
) {
  return new SignJWT({ sub: 'dev-1', ...ISSUED, tidegate: OWN, ...claims })
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(key)
}
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What lets nobody in. */
export const BAD: Record<string, () => Promise<string | undefined> | string | undefined> = {
  'no token': () => undefined,
  malformed: () => 'not-a-token',
  'wrong issuer': () => signed({ iss: 'https://evil.example' }),
  'wrong audience': () => signed({ aud: 'another' }),
  expired: () => signed({}, { expires: 1 }),
  'not yet valid': () => signed({ nbf: 99_999_999_999 }),
  'alg none': () => `${part({ alg: 'none' })}.${part({ sub: 'dev-1', ...ISSUED, exp: 9_999_999_999 })}.`,
  'HS/RS confusion': () => signed({}, { key: hs(publicKey) }),
  'unknown kid': () =>
    signed({}, { key: generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey, alg: 'RS256', kid: 'k-9' }),
  revoked: () => signed({ jti: 'revoked-1' }),
  'no such key': () => `tgk_aaaaaaaaaaaa_${'x'.repeat(43)}`,
}
