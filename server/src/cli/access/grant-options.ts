import { MAX_GRANTS } from '../../access/index.ts'
import { readAllowed } from '../../config/access/allowed.ts'
import type { Grant } from '../../config/access/grant.ts'
import type { Contract } from '../../config/contract/model.ts'
import { coversNothing } from '../../config/resolve-access.ts'
import { printable } from '../terminal/printable.ts'
import { UsageError } from '../usage/usage-error.ts'

const selectors = { type: 'string', multiple: true } as const

/** What a key or token allows, on a command line. */
export const GRANT_OPTIONS = {
  publish: selectors,
  subscribe: selectors,
  query: selectors,
  command: selectors,
  hide: selectors,
  admin: { type: 'boolean' },
} as const

type GrantFlags = { readonly [Name in keyof typeof GRANT_OPTIONS]?: string[] | boolean | undefined }

export const GRANT_USAGE = `  --publish --subscribe --query   topics: a selector (sensor.reading, 'sensor.*', '>'), and behind a colon the key, or what
                                  keys begin with ('sensor.reading:attic', 'sensor.reading:attic-*'). Each may be said
                                  several times. Queries are of topics and of the names of entities
  --command                       <entity>.<command>, in the same way ('order.*', 'user.changeEmail:42')
  --hide                          fields that these do not show, of a topic or an entity ('user.profile:email,address.street')
  --admin                         metrics, slow clients, details of readiness`

export interface Allowed {
  /** As a rule of a config says it. */
  readonly allow: Readonly<Record<string, unknown>>
  readonly grants: readonly Grant[]
}

/** @throws {UsageError} for what is no grant */
export function readGrants({ publish, subscribe, query, command, admin, hide }: GrantFlags): Allowed {
  const given = Object.entries({ publish, subscribe, query, command, admin, hide: hide && hidesOf(hide) })
  const allow = Object.fromEntries(given.filter(([, value]) => value !== undefined))
  const { grants } = readAllowed(allow, (message) => {
    throw new UsageError(`--${printable(message)}`)
  })
  if (grants.length > MAX_GRANTS) throw new UsageError(`there are ${grants.length} grants; ${MAX_GRANTS} can be given`)
  return { allow, grants }
}

/** `name:field,field` of each. */
function hidesOf(flags: GrantFlags['hide']): Readonly<Record<string, readonly string[]>> {
  const hides: Record<string, string[]> = {}
  for (const flag of Array.isArray(flags) ? flags : []) {
    const [name, ...fields] = flag.split(/[:,]/)
    hides[name!] = [...(Object.hasOwn(hides, name!) ? hides[name!]! : []), ...fields]
  }
  return hides
}

/** Says on standard error what covers nothing that the config has now. */
export function warnOfUncovered({ allow }: Allowed, contract: Contract): void {
  for (const message of coversNothing(allow, contract)) process.stderr.write(`Warning: ${printable(message)}.\n`)
}

/** `publish sensor.*, shop.order; admin` */
export function describeGrants(allow: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(allow).map(([name, value]) => {
    if (name === 'hide') return describeHidden(value as Readonly<Record<string, readonly string[]>>)
    if (!Array.isArray(value)) return value === true ? name : ''
    return value.length === 0 ? '' : `${name} ${value.join(', ')}`
  })
  return printable(parts.filter((part) => part !== '').join('; ') || 'nothing of its own')
}

function describeHidden(hides: Readonly<Record<string, readonly string[]>>): string {
  const described = Object.entries(hides).map(([name, fields]) => `${name}:${fields.join(',')}`)
  return `hide ${described.join(' ')}`
}
