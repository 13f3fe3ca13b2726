import { matchesTopic } from '@tidegate/protocol'
import {
  CALLER_KINDS,
  type CallerKind,
  type ClaimValue,
  NO_ACCESS,
  type ResolvedAccess,
  type ResolvedRule,
} from './access/access-model.ts'
import { readAllowed } from './access/allowed.ts'
import { type Grant, isGrantSelector, type Operation } from './access/grant.ts'
import type { ConfigProblem } from './config-error.ts'
import type { AccessOptions } from './declarations/access-options.ts'
import { type Declared, hideProblems } from './hide-problems.ts'

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
