import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { keepSecret } from '../../secrets.ts'
import { isLoopbackHost } from '../../web-origin.ts'

/** RFC 7518, 3.2: as long as the hash. */
const MIN_SECRET_BYTES = 32

export function jwtSecret(value: string): string {
  if (Buffer.byteLength(value) < MIN_SECRET_BYTES) {
    throw new RangeError(`it must have ${MIN_SECRET_BYTES} bytes at least; \`openssl rand -base64 32\` makes one`)
  }
  keepSecret(value)
  return value
}

/** PEM, as it is or from a file. */
export function publicKey(value: string): string {
  const pem = value.includes('-----BEGIN') ? value.replaceAll('\\n', '\n') : readFileSync(value, 'utf8')
  if (/PRIVATE KEY/.test(pem)) throw new RangeError('it is a private key, which only the issuer of tokens has')
  createPublicKey(pem)
  return pem
}

/** RFC 6265, 4.1.1. */
export function cookieName(value: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]{1,64}$/.test(value))
    throw new RangeError('it must be the name of a cookie, such as __Host-tidegate')
  return value
}

export function keySetUrl(value: string): URL {
  const url = new URL(value)
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))
  if (!isSafe) throw new RangeError('it must begin with https://, or name this machine')
  return url
}
