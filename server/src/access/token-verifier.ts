import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { LIMITS } from '@tidegate/protocol'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Allowed } from '../config/access/access-model.ts'
import { readAllowed } from '../config/access/allowed.ts'
import { type Identity, isReservedSubject } from './caller.ts'
import { KeysUnreachable, remoteKeySet } from './key-set.ts'
import { Recent } from './recent.ts'
import { type Refusal, refusal, UNREACHABLE } from './refusal.ts'

export interface TokenSettings {
  /** Shared secret of HS256. */
  readonly secret?: string | undefined
  /** A public key as PEM. */
  readonly publicKey?: string | undefined
  readonly jwksUrl?: URL | undefined
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** How far clocks may differ, seconds. */
  readonly toleranceSeconds: number
  /** Claim with the grants of a token. */
  readonly rightsClaim: string
}

/** Longer lives than revocations are kept for would outlive them. */
export const MAX_TOKEN_DAYS = 90
/** Names stand in logs and before the names of producers. */
export const MAX_SUBJECT_CHARS = 256
export const MAX_GRANTS = 256

const JWKS_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** One way to check signatures, for its own algorithms alone: a public key is never taken for a secret. */
interface Verifier {
  readonly algorithms: readonly string[]
  verify(token: string, algorithms: string[]): Promise<JWTPayload>
}

/** Checks JSON Web Tokens (RFC 7519): signature, issuer, audience, times. */
export class TokenVerifier {
  readonly #verifiers: readonly Verifier[]
  readonly #rightsClaim: string
  readonly #toleranceMs: number
  readonly #claimsOfRights = new Recent((claim) => readClaimOfRights(JSON.parse(claim)))

  /** @throws {RangeError} saying which setting cannot be used */
  constructor(settings: TokenSettings) {
    this.#rightsClaim = settings.rightsClaim
    this.#toleranceMs = settings.toleranceSeconds * 1_000
    this.#verifiers = verifiersOf(settings)
  }

  get isEmpty(): boolean {
    return this.#verifiers.length === 0
  }

  async verify(token: string): Promise<Identity | Refusal> {
    if (token.length > LIMITS.tokenChars) return refusal('too long')
    try {
      const { alg = '' } = decodeProtectedHeader(token)
      const verifier = this.#verifiers.find(({ algorithms }) => algorithms.includes(alg))
      if (verifier === undefined) return refusal('not signed by an algorithm that is accepted here')
      return this.#identityOf(await verifier.verify(token, [alg]))
    } catch (error) {
      return refusalOf(error)
    }
  }

  #identityOf({ sub, exp, iat, jti, ...claims }: JWTPayload): Identity | Refusal {
    if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_CHARS || !sub.isWellFormed()) {
      return refusal(`sub is not a text of 1 to ${MAX_SUBJECT_CHARS} characters`)
    }
    if (isReservedSubject(sub)) return refusal('sub is a name of another kind of caller')
    // No revocation of its subject would be of one that was issued later.
    if (iat! * 1_000 > Date.now() + this.#toleranceMs) return refusal('iat is later than now')
    // It could not be revoked by it.
    if (jti !== undefined && typeof jti !== 'string') return refusal('jti is no text')
    // From its issue on: one that is refused now for its long life must not count later, when less of it is left.
    if (exp! - Math.min(Date.now() / 1_000, iat!) > MAX_TOKEN_DAYS * 86_400)
      return refusal(`valid for more than ${MAX_TOKEN_DAYS} days`)
    const { allowed, wrong } = this.#claimsOfRights.of(JSON.stringify(claims[this.#rightsClaim] ?? {}))
    if (wrong !== undefined) return refusal(`claim ${this.#rightsClaim}: ${wrong}`)
    // Not by a rest pattern: V8 gives each such object a shape of its own, larger than the claims.
    const others = Object.fromEntries(Object.entries(claims).filter(([name]) => name !== this.#rightsClaim))
    // The same holds for two spreads of several members each.
    return {
      kind: 'token',
      subject: sub,
      claims: others,
      grants: allowed.grants,
      issuedAt: iat! * 1_000,
      expiresAt: exp! * 1_000 + this.#toleranceMs,
      ...(allowed.hides !== undefined && { hides: allowed.hides }),
      ...(jti !== undefined && { id: jti }),
    }
  }
}

/** @returns `wrong`: the first thing that is */
function readClaimOfRights(claim: unknown): { readonly allowed: Allowed; readonly wrong?: string | undefined } {
  if (!isObject(claim))
    return { allowed: { grants: [] }, wrong: 'expected an object such as { "publish": ["sensor.*"] }' }
  const wrong: string[] = []
  const allowed = readAllowed(claim, (message) => void wrong.push(message))
  if (allowed.grants.length > MAX_GRANTS) wrong.push(`more than ${MAX_GRANTS} grants`)
  return { allowed, wrong: wrong[0] }
}

function verifiersOf(settings: TokenSettings): Verifier[] {
  const { secret, publicKey, jwksUrl, issuer, audience, toleranceSeconds } = settings
  const options = {
    requiredClaims: ['exp', 'iat', 'sub'],
    clockTolerance: toleranceSeconds,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  }
  const byKey = (key: KeyObject, algorithms: readonly string[]): Verifier => ({
    algorithms,
    verify: async (token, accepted) => (await jwtVerify(token, key, { ...options, algorithms: accepted })).payload,
  })
  const verifiers: Verifier[] = []
  if (secret !== undefined) verifiers.push(byKey(createSecretKey(Buffer.from(secret)), ['HS256']))
  if (publicKey !== undefined) {
    const key = createPublicKey(publicKey)
    verifiers.push(byKey(key, algorithmsOf(key)))
  }
  if (jwksUrl !== undefined) {
    const keyOf = remoteKeySet(jwksUrl)
    verifiers.push({
      algorithms: JWKS_ALGORITHMS,
      verify: async (token, accepted) => (await jwtVerify(token, keyOf, { ...options, algorithms: accepted })).payload,
    })
  }
  return verifiers
}

/** The algorithms of a kind of key: RFC 7518, 3.1; RFC 8037. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  switch (asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
    case 'ec': {
      const curves: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
      const algorithm = curves[asymmetricKeyDetails?.namedCurve ?? '']
      if (algorithm !== undefined) return [algorithm]
      break
    }
    case 'ed25519':
      return ['EdDSA']
  }
  throw new RangeError('expected an RSA, P-256, P-384, P-521 or Ed25519 public key')
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return refusal('expired')
  if (error instanceof errors.JWTClaimValidationFailed) return refusal(`${error.claim}: ${error.reason}`)
  if (error instanceof KeysUnreachable) return UNREACHABLE
  return refusal(error instanceof errors.JOSEError ? error.code : 'no JSON Web Token')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
