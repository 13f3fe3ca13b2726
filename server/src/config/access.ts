import { matchesTopic } from '@tidegate/protocol'
import {
  type Allowed,
  CALLER_KINDS,
  type CallerKind,
  type ClaimValue,
  NO_ACCESS,
  type ResolvedAccess,
  type ResolvedRule,
} from './access-model.ts'
import type { ConfigProblem } from './config-error.ts'
import { type Grant, isGrantSelector, OPERATIONS, type Operation, parseGrant } from './grant.ts'
import { type Declared, hideProblems } from './hide-problems.ts'
import type { UncheckedHide } from './hideable.ts'
import { readHides } from './hides.ts'

/** What callers of a kind may do. Nothing is allowed that no rule and no token allows. */
export interface AccessRule<Hide = UncheckedHide> {
  /** `authenticated` unless it says otherwise. */
  readonly caller?: CallerKind
  /** Only callers whose claims have these values; a claim that is a list has to contain one of them. */
  readonly when?: Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>
  /** What they may do. */
  readonly allow: AllowedOptions<Hide>
}

/**
 * What is allowed, by operation. A grant is a topic selector (`sensor.*`, `orders.>`, `>`), and behind a colon the key,
 * or what keys begin with (`sensor.reading:$sub`, `chat:room-*`). Commands are `<entity>.<command>`; queries are of
 * topics, or of the name of an entity. `$sub` stands for the caller's subject, `$claims.x` for a claim of its token.
 */
export interface AllowedOptions<Hide = UncheckedHide> {
  /** Events of these topics and keys. */
  readonly publish?: readonly string[]
  /** Live events, resume and snapshots of these topics and keys. */
  readonly subscribe?: readonly string[]
  /** History, windows and results of these topics and keys, and entities. */
  readonly query?: readonly string[]
  /** These commands to entities: `<entity>.<command>`. */
  readonly command?: readonly string[]
  /** Metrics, lists of slow clients, details of readiness. */
  readonly admin?: boolean
  /**
   * Fields that these grants do not show, by topic or entity: `{ 'user.profile': ['email', 'address.street'] }`. Whoever
   * has other grants of the same events sees what any of them shows.
   */
  readonly hide?: Hide
}

export interface AccessOptions<Hide = UncheckedHide> {
  /** Each allows something to some callers; they add up. */
  readonly rules: readonly AccessRule<Hide>[]
  /** Claims of tokens that handlers of commands see (`ctx.caller`) and trails of entities keep; none unless listed. */
  readonly claims?: readonly string[]
}

/** Checks the rules of a config, and adds what is wrong with them to the problems. */
export function resolveAccess(
  access: AccessOptions | undefined,
  declared: Declared,
  problems: ConfigProblem[],
): ResolvedAccess {
  if (access === undefined) return NO_ACCESS
  const { rules, claims = [], ...unknown } = asRecord(access)
  const wrong = (message: string) => void problems.push(problem('access', message))
  for (const name of Object.keys(unknown)) wrong(`unknown option ${name}; there are rules and claims`)
  if (!Array.isArray(rules)) wrong('rules must be a list')
  if (!isNames(claims)) wrong('claims must be a list of names')
  return {
    rules: (Array.isArray(rules) ? rules : []).map((rule, index) =>
      resolveRule(rule, `access.rules[${index}]`, declared, problems),
    ),
    claims: isNames(claims) ? claims : [],
  }
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

function resolveRule(rule: unknown, where: string, declared: Declared, problems: ConfigProblem[]): ResolvedRule {
  const { caller = 'authenticated', when = {}, allow, ...unknown } = asRecord(rule)
  const wrong = (message: string) => void problems.push(problem(where, message))
  for (const name of Object.keys(unknown)) wrong(`unknown option ${name}; there are caller, when and allow`)
  if (!isCallerKind(caller)) wrong(`caller must be one of ${CALLER_KINDS.join(', ')}`)
  if (typeof allow !== 'object' || allow === null) wrong('allow must say what is allowed: { publish: [...], ... }')
  const allowed = readAllowed(asRecord(allow), wrong, (grant) => isOfUse(grant, declared))
  for (const message of hideProblems(allowed, declared)) wrong(message)
  return {
    caller: isCallerKind(caller) ? caller : 'authenticated',
    when: new Map(Object.entries(asRecord(when)).map(([claim, value]) => [claim, claimValues(claim, value, wrong)])),
    ...allowed,
  }
}

function isCallerKind(value: unknown): value is CallerKind {
  return CALLER_KINDS.some((kind) => kind === value)
}

function claimValues(claim: string, value: unknown, wrong: (message: string) => void): readonly ClaimValue[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (values.every(isClaimValue)) return values
  wrong(`when.${claim} must be a string, a number or a boolean, or a list of them`)
  return []
}

function isClaimValue(value: unknown): value is ClaimValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/**
 * Reads `{ publish: ['sensor.*'], ... }`, of a rule or of a token.
 *
 * @param wrong is called for everything that is not one; what is returned then is of no use
 * @param isOfUse false for a selector that covers nothing
 */
export function readAllowed(
  { hide, ...allow }: Readonly<Record<string, unknown>>,
  wrong: (message: string) => void,
  isOfUse: (grant: Grant) => boolean = () => true,
): Allowed {
  const grants = grantsOf(allow, wrong, isOfUse)
  const hides = hide === undefined ? {} : readHides(hide, wrong)
  return Object.keys(hides).length > 0 ? { grants, hides } : { grants }
}

function grantsOf(
  allow: Readonly<Record<string, unknown>>,
  wrong: (message: string) => void,
  isOfUse: (grant: Grant) => boolean,
): Grant[] {
  return Object.entries(allow).flatMap(([name, value]): Grant[] => {
    if (!isOperation(name)) {
      wrong(`unknown operation ${name.slice(0, 64)}; there are ${OPERATIONS.join(', ')} and hide`)
      return []
    }
    if (name === 'admin') {
      if (typeof value !== 'boolean') wrong('admin must be true or false')
      return value === true ? [{ operation: 'admin', selector: '>', key: { kind: 'all' } }] : []
    }
    if (!Array.isArray(value)) {
      wrong(`${name} must be a list such as ['sensor.*']`)
      return []
    }
    return value.flatMap((text: unknown): Grant[] => {
      const grant = typeof text === 'string' ? parseGrant(name, text) : undefined
      if (grant === undefined)
        wrong(`${name}: ${JSON.stringify(text)?.slice(0, 200)} is no topic selector, or selector:key`)
      else if (!isOfUse(grant)) wrong(`${name}: ${text} covers nothing that is declared`)
      return grant === undefined ? [] : [grant]
    })
  })
}

function isOperation(name: string): name is Operation {
  return OPERATIONS.some((operation) => operation === name)
}

/** What of the grants of a token or key covers nothing, in words. */
export function coversNothing(allow: Readonly<Record<string, unknown>>, declared: Declared): string[] {
  const found: string[] = []
  const wrong = (message: string) => void found.push(message)
  const allowed = readAllowed(allow, wrong, (grant) => isOfUse(grant, declared))
  return [...found, ...hideProblems(allowed, declared)]
}

/** Whether a grant covers anything; one with a placeholder may. */
function isOfUse({ operation, selector }: Grant, { topics, entities }: Declared): boolean {
  const hasPlaceholder = !isGrantSelector(selector)
  return hasPlaceholder || namesOf(operation, { topics, entities }).some((name) => matchesTopic(selector, name))
}

function namesOf(operation: Operation, { topics, entities }: Declared): string[] {
  switch (operation) {
    case 'publish':
      return [...topics.values()].filter(({ kind }) => kind === 'source').map(({ name }) => name)
    case 'subscribe':
      return [...topics.keys()]
    case 'query':
      return [...topics.keys(), ...entities.keys()]
    case 'command':
      return [...entities.values()].flatMap(({ name, commands }) => [...commands.keys()].map((of) => `${name}.${of}`))
    case 'admin':
      return ['admin']
  }
}

function problem(where: string, message: string): ConfigProblem {
  return { code: 'bad_access', topic: where, message }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
