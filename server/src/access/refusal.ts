/** Why credentials were not taken. */
export interface Refusal {
  readonly kind: 'refused'
  /** `unauthorized`: the credentials are missing or no good. `unavailable`: it cannot be told now. */
  readonly code: 'unauthorized' | 'unavailable'
  /** For the caller. */
  readonly message: string
  /** For the operator. */
  readonly reason: string
}

/** @param reason for the operator; the caller learns only whether a new token would help */
export function refusal(reason: string): Refusal {
  const message =
    reason === 'expired' ? 'The token has expired. Come back with a new one.' : 'The token is not valid here.'
  return { kind: 'refused', code: 'unauthorized', message, reason }
}

export const MISSING: Refusal = {
  kind: 'refused',
  code: 'unauthorized',
  message: 'Say who you are: `Authorization: Bearer <token>`, or `token` in `hello`.',
  reason: 'no credentials',
}

export const UNREACHABLE: Refusal = {
  kind: 'refused',
  code: 'unavailable',
  message: 'The keys that tokens are checked with cannot be fetched now. Try again.',
  reason: 'the key set cannot be fetched',
}
