import { matchesTopic } from '@tidegate/protocol'
import type { Grant, Operation } from '../config/grant.ts'
import { ALL_KEYS, type KeyScope, NO_KEYS } from './key-scope.ts'

/** What one caller may do. */
export class Rights {
  /** Of callers whom nobody has to know, and of the operator. */
  static readonly EVERYTHING = new Rights('everything')
  static readonly NOTHING = new Rights([])
  readonly #grants: readonly Grant[] | 'everything'

  /** @param grants without placeholders */
  constructor(grants: readonly Grant[] | 'everything') {
    this.#grants = grants
  }

  get isAdmin(): boolean {
    return this.#grants === 'everything' || this.#grants.some(({ operation }) => operation === 'admin')
  }

  /** Whether it allows anything at all. */
  get isEmpty(): boolean {
    return this.#grants.length === 0
  }

  /** @param name of a topic, an entity, or `<entity>.<command>`: see `AllowedOptions` */
  keys(operation: Operation, name: string): KeyScope {
    if (this.#grants === 'everything') return ALL_KEYS
    const keys = new Set<string>()
    const prefixes: string[] = []
    for (const grant of this.#grants) {
      if (grant.operation !== operation || !matchesTopic(grant.selector, name)) continue
      switch (grant.key.kind) {
        case 'all':
          return ALL_KEYS
        case 'exact':
          keys.add(grant.key.key)
          break
        case 'prefix':
          prefixes.push(grant.key.prefix)
      }
    }
    if (prefixes.length > 0) return { kind: 'prefixed', prefixes, keys }
    return keys.size > 0 ? { kind: 'listed', keys } : NO_KEYS
  }

  /** Whether something of this name is there for the caller. */
  covers(operation: Operation, name: string): boolean {
    return this.keys(operation, name).kind !== 'none'
  }
}
