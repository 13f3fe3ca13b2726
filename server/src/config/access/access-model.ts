import type { Grant } from './grant.ts'
import type { Hides } from './hides.ts'

/** Whom a rule is for: `anonymous` callers show no credentials, `authenticated` ones a token, a key or a certificate. */
export const CALLER_KINDS = ['anonymous', 'token', 'key', 'certificate', 'authenticated', 'anyone'] as const
export type CallerKind = (typeof CALLER_KINDS)[number]

export type ClaimValue = string | number | boolean

/** What a rule, token or key allows. */
export interface Allowed {
  readonly grants: readonly Grant[]
  /** What its grants do not show; absent: nothing. */
  readonly hides?: Hides
}

/** A rule as gateways apply it. */
export interface ResolvedRule extends Allowed {
  readonly caller: CallerKind
  /** Claim -> the values it may have. */
  readonly when: ReadonlyMap<string, readonly ClaimValue[]>
}

/** What a config says of callers. */
export interface ResolvedAccess {
  readonly rules: readonly ResolvedRule[]
  /** Claims that handlers of commands see and trails keep. */
  readonly claims: readonly string[]
}

export const NO_ACCESS: ResolvedAccess = { rules: [], claims: [] }
