import type { Allowed, ResolvedRule } from '../config/access/access-model.ts'
import { type Grant, isGrantSelector, PLACEHOLDER } from '../config/access/grant.ts'
import { type HeldGrant, Rights } from './rights.ts'

export type Claims = Readonly<Record<string, unknown>>

/** How somebody showed who it is. */
export type Identity =
  | { readonly kind: 'anonymous' }
  /** What it allows is of the token or key itself, as its issuer said it. */
  | ({
      readonly kind: 'token'
      readonly subject: string
      readonly claims: Claims
      /** When it was issued, and from when on it counts no more; ms since 1970. */
      readonly issuedAt: number
      readonly expiresAt: number
      /** `jti`. */
      readonly id?: string
    } & Allowed)
  | ({ readonly kind: 'key'; readonly id: string; readonly name: string } & Allowed)
  | ({
      readonly kind: 'certificate'
      readonly subject: string
      /** From when on, and until when it is valid; ms since 1970. */
      readonly issuedAt: number
      readonly expiresAt: number
    } & Allowed)

/** Somebody who sends requests, with what it may do. */
export interface Caller {
  readonly kind: 'caller'
  readonly identity: Identity
  /** Who it is, for logs and handlers: the subject of a token or certificate, `key:<name>`, or `anonymous`. */
  readonly subject: string
  readonly rights: Rights
  /** What its names - of producers, of requests - begin with in the logs, so that it shares none with others. */
  readonly namespace: string
  /** Ms since 1970; absent for one that stays valid. */
  readonly expiresAt?: number
}

export const ANONYMOUS: Identity = { kind: 'anonymous' }

/** Somebody who is asked for nothing. */
export const ANYBODY: Caller = {
  kind: 'caller',
  identity: ANONYMOUS,
  subject: 'anonymous',
  rights: Rights.EVERYTHING,
  namespace: '',
}

/**
 * The rights of an identity: what its token or key says, and what the rules give to such callers.
 *
 * @param rightsOf makes them, or finds those that were made of equal grants
 */
export function callerOf(
  identity: Identity,
  rules: readonly ResolvedRule[],
  rightsOf: (grants: readonly HeldGrant[]) => Rights = (grants) => new Rights(grants),
): Caller {
  const claims = identity.kind === 'token' ? identity.claims : {}
  const subject = subjectOf(identity)
  const own = identity.kind === 'anonymous' ? [] : [identity]
  const given = rules.filter((rule) => isFor(rule, identity.kind, claims))
  const grants = [...own, ...given].flatMap(({ grants, hides }) =>
    grants.flatMap((grant): HeldGrant[] => {
      const filled = filledIn(grant, subject, claims)
      return hides === undefined ? filled : filled.map((each) => ({ ...each, hides }))
    }),
  )
  return {
    kind: 'caller',
    identity,
    subject,
    rights: rightsOf(grants),
    namespace: `${subject.length}:${identity.kind}:${subject}:`,
    ...('expiresAt' in identity && { expiresAt: identity.expiresAt }),
  }
}

const OF_KEYS = 'key:'
/**
 * Presence numbers those who have not said who they are, and counts under `~more` those that are not listed. To handlers, reactions are
 * sent by `system:<entity>`.
 */
const RESERVED = [OF_KEYS, 'anonymous:', 'system:', '~']
/** For whoever chose one. */
export const RESERVED_SUBJECTS = `\`${ANONYMOUS.kind}\`, and what begins with ${RESERVED.map((start) => `\`${start}\``).join(', ')}`

/** A name that handlers, rules and presence know as that of a caller of another kind: no token or certificate is of it. */
export function isReservedSubject(subject: string): boolean {
  return subject === ANONYMOUS.kind || RESERVED.some((start) => subject.startsWith(start))
}

function subjectOf(identity: Identity): string {
  switch (identity.kind) {
    case 'anonymous':
      return 'anonymous'
    case 'token':
    case 'certificate':
      return identity.subject
    case 'key':
      return OF_KEYS + identity.name
  }
}

function isFor({ caller, when }: ResolvedRule, kind: Identity['kind'], claims: Claims): boolean {
  const isMeant = caller === 'anyone' || caller === kind || (caller === 'authenticated' && kind !== 'anonymous')
  return isMeant && [...when].every(([claim, wanted]) => hasOneOf(claims, claim, wanted))
}

function hasOneOf(claims: Claims, claim: string, wanted: readonly unknown[]): boolean {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
  return (Array.isArray(value) ? value : [value]).some((one) => !isRounded(one) && wanted.includes(one))
}

/** JSON may have had another number: ids of two tenants become one. */
function isRounded(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER
}

/** The grant for one caller. A value that cannot stand where its placeholder does makes it void. */
function filledIn(grant: Grant, subject: string, claims: Claims): Grant[] {
  const valueAt = (claim: string | undefined) => (claim === undefined ? subject : textOf(claims, claim))
  const selector = fill(grant.selector, (claim) => {
    const value = valueAt(claim)
    // As a part of a topic it is a word: dots and wildcards would reach further than the rule means.
    return value !== undefined && /^[A-Za-z0-9_]+$/.test(value) ? value : undefined
  })
  if (selector === undefined || !isGrantSelector(selector)) return []
  const { key } = grant
  switch (key.kind) {
    case 'all':
      return [{ ...grant, selector }]
    case 'exact': {
      const exact = fill(key.key, valueAt)
      // Under `*` are the results of windows over all keys.
      return exact === undefined || exact === '*' ? [] : [{ ...grant, selector, key: { kind: 'exact', key: exact } }]
    }
    case 'prefix': {
      const prefix = fill(key.prefix, valueAt)
      const isOfAllKeys = prefix === '*' && key.prefix !== '*'
      return prefix === undefined || isOfAllKeys ? [] : [{ ...grant, selector, key: { kind: 'prefix', prefix } }]
    }
  }
}

/** @returns `undefined` where a value is missing, or would reach into what is another's */
function fill(text: string, valueAt: (claim: string | undefined) => string | undefined): string | undefined {
  let isWhole = true
  const filled = text.replace(PLACEHOLDER, (placeholder, claim: string | undefined, at: number) => {
    const value = valueAt(claim)
    const separator = text.at(at + placeholder.length)
    // An empty value would make a prefix of everything. One with the separator in it has the keys of two callers: `$sub/*` of
    // `ann/b` would be among those of `ann`.
    if (value === undefined || value === '' || (separator !== undefined && value.includes(separator))) isWhole = false
    return value ?? ''
  })
  return isWhole ? filled : undefined
}

function textOf(claims: Claims, claim: string): string | undefined {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
  // A lone surrogate is stored as another character, whose key may be somebody's.
  if (typeof value === 'string') return value.isWellFormed() ? value : undefined
  return typeof value === 'boolean' || (typeof value === 'number' && !isRounded(value)) ? `${value}` : undefined
}

/** Under which its use is counted; absent for one who has not said who it is. */
export function limitName({ identity, namespace }: Caller): string | undefined {
  return identity.kind === 'anonymous' ? undefined : namespace
}
