import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** `tgk_<id>_<secret>`. The secret has 256 random bits: nothing slower than one hash is needed to keep it. */
const KEY = /^tgk_([a-z2-7]{12})_([A-Za-z0-9_-]{43})$/
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

export interface NewKey {
  /** To be shown once. */
  readonly text: string
  readonly id: string
  readonly hash: string
}

export function createKey(): NewKey {
  const id = [...randomBytes(12)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('')
  const secret = randomBytes(32).toString('base64url')
  return { text: `tgk_${id}_${secret}`, id, hash: hashOf(secret) }
}

export function isKey(text: string): boolean {
  return text.startsWith('tgk_')
}

/** `undefined` for what has not the form of a key. */
export function parseKey(text: string): { readonly id: string; readonly hash: string } | undefined {
  const [, id, secret] = KEY.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, hash: hashOf(secret) }
}

export function isSameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}
