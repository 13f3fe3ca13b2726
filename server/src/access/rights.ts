import { matchesTopic } from '@tidegate/protocol'
import type { Grant, KeyPattern, Operation } from '../config/access/grant.ts'
import type { Hides } from '../config/access/hides.ts'
import { ALL_KEYS, type KeyScope, NO_KEYS } from './key-scope.ts'
import { Recent, type RecentBounds } from './recent.ts'
import { type HiddenOf, type Sight, sightOf } from './sight.ts'

/** A grant of one caller: without placeholders, and with what the rule or token that it is of hides. */
export interface HeldGrant extends Grant {
  readonly hides?: Hides
}

/** Names kept of each operation: more than a config has topics, most likely. */
const KNOWN: RecentBounds = { texts: 256, chars: 128 }

/** What one caller may do. */
export class Rights {
  /** Of callers whom nobody has to know, and of the operator. */
  static readonly EVERYTHING = new Rights('everything')
  static readonly NOTHING = new Rights([])
  readonly #grants: readonly HeldGrant[] | 'everything'
  /** Every frame that publishes asks. */
  readonly #scopes = new Map<Operation, Recent<KeyScope>>()
  /** Whether any of its grants hides anything. */
  readonly hides: boolean

  constructor(grants: readonly HeldGrant[] | 'everything') {
    this.#grants = grants
    this.hides = grants !== 'everything' && grants.some(({ hides }) => hides !== undefined)
  }

  get isAdmin(): boolean {
    return this.has('admin')
  }

  /** Whether it allows the operation on anything. */
  has(operation: Operation): boolean {
    return this.#grants === 'everything' || this.#grants.some((grant) => grant.operation === operation)
  }

  /** Whether it allows anything at all. */
  get isEmpty(): boolean {
    return this.#grants.length === 0
  }

  /** @param name of a topic, an entity, or `<entity>.<command>`: see `AllowedOptions` */
  keys(operation: Operation, name: string): KeyScope {
    if (this.#grants === 'everything') return ALL_KEYS
    let scopes = this.#scopes.get(operation)
    if (scopes === undefined) {
      scopes = new Recent((of) => scopeOf(this.#held(operation, of).map(({ key }) => key)), KNOWN)
      this.#scopes.set(operation, scopes)
    }
    return scopes.of(name)
  }

  /**
   * How much of it the caller sees; `undefined`: all of it.
   *
   * @param name as above: that by which it is allowed
   */
  sight(operation: Operation, name: string, hiddenOf: HiddenOf): Sight | undefined {
    if (!this.hides) return undefined
    const held = this.#held(operation, name).map(({ key, hides }) => ({ scope: scopeOf([key]), hides }))
    return sightOf(held, hiddenOf)
  }

  /** Whether something of this name is there for the caller. */
  covers(operation: Operation, name: string): boolean {
    return this.keys(operation, name).kind !== 'none'
  }

  /** The grants that are about it. */
  #held(operation: Operation, name: string): readonly HeldGrant[] {
    if (this.#grants === 'everything') return []
    return this.#grants.filter((grant) => grant.operation === operation && matchesTopic(grant.selector, name))
  }
}

/** The keys of some patterns together. */
function scopeOf(patterns: readonly KeyPattern[]): KeyScope {
  const keys = new Set<string>()
  const prefixes: string[] = []
  for (const pattern of patterns) {
    switch (pattern.kind) {
      case 'all':
        return ALL_KEYS
      case 'exact':
        keys.add(pattern.key)
        break
      case 'prefix':
        prefixes.push(pattern.prefix)
    }
  }
  if (prefixes.length > 0) return { kind: 'prefixed', prefixes, keys }
  return keys.size > 0 ? { kind: 'listed', keys } : NO_KEYS
}
