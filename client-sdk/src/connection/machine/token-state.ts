/** Why a token is asked for. */
export type TokenReason = 'connect' | 'expiring' | 'refused'

/** What is known of the token that `hello` has. The driver keeps the token itself. */
export type TokenState =
  /** There is none, or one that never changes. */
  | { readonly kind: 'fixed' }
  /** Another one is to be asked for. */
  | { readonly kind: 'needed'; readonly reason: TokenReason }
  /** Good until then, by the monotonic clock; for ever as far as is known. */
  | { readonly kind: 'held'; readonly renewAt: number }

/** Of a client without a function that gives tokens. */
export const FIXED: TokenState = { kind: 'fixed' }
/** Of a client that has not asked its function yet. */
export const UNASKED: TokenState = { kind: 'needed', reason: 'connect' }
/** No gateway has said yet how long it counts. */
export const HELD: TokenState = { kind: 'held', renewAt: Number.POSITIVE_INFINITY }
