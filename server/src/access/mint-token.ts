import { createSecretKey, randomUUID } from 'node:crypto'
import { LIMITS } from '@tidegate/protocol'
import { SignJWT } from 'jose'
import { isReservedSubject, RESERVED_SUBJECTS } from './caller.ts'
import { MAX_SUBJECT_CHARS, MAX_TOKEN_DAYS, type TokenSettings } from './token-verifier.ts'

export interface TokenRequest {
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
  /** What `readAllowed` reads without a complaint. */
  readonly allow: Readonly<Record<string, unknown>>
  readonly lifeMs: number
}

export interface MintedToken {
  readonly text: string
  /** `jti`: revokes this token alone. */
  readonly id: string
  /** Ms since 1970. */
  readonly expiresAt: number
}

const MAX_LIFE_MS = MAX_TOKEN_DAYS * 86_400_000

/**
 * A token that a gateway with the same settings takes, signed with their secret.
 *
 * @param now ms since 1970 @throws {RangeError} saying what no gateway would take
 */
export async function mintToken(
  settings: Pick<TokenSettings, 'issuer' | 'audience' | 'rightsClaim'> & { readonly secret: string },
  { subject, claims, allow, lifeMs }: TokenRequest,
  now: number,
): Promise<MintedToken> {
  const { secret, issuer, audience, rightsClaim } = settings
  if (subject === '' || subject.length > MAX_SUBJECT_CHARS || !subject.isWellFormed()) {
    throw new RangeError(`a subject has 1 to ${MAX_SUBJECT_CHARS} characters`)
  }
  if (isReservedSubject(subject)) {
    throw new RangeError(
      `${JSON.stringify(subject)} names callers without a token, which gateways refuse as the subject of one: ${RESERVED_SUBJECTS}`,
    )
  }
  if (lifeMs < 1_000 || lifeMs > MAX_LIFE_MS) {
    throw new RangeError(`a token is valid for a second to ${MAX_TOKEN_DAYS} days: revocations are not kept for longer`)
  }
  const reserved = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', rightsClaim]
  const taken = reserved.find((claim) => Object.hasOwn(claims, claim))
  if (taken !== undefined) throw new RangeError(`the claim ${taken} has a meaning of its own and cannot be set`)
  const issuedAt = Math.floor(now / 1_000)
  const expiresAt = issuedAt + Math.floor(lifeMs / 1_000)
  const id = randomUUID()
  const token = new SignJWT({ ...claims, ...(Object.keys(allow).length > 0 && { [rightsClaim]: allow }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .setJti(id)
  if (issuer !== undefined) token.setIssuer(issuer)
  if (audience !== undefined) token.setAudience(audience)
  const text = await token.sign(createSecretKey(Buffer.from(secret)))
  if (text.length > LIMITS.tokenChars) {
    throw new RangeError(
      `the token has ${text.length} characters, and gateways take ${LIMITS.tokenChars}: say less in it`,
    )
  }
  return { text, id, expiresAt: expiresAt * 1_000 }
}
