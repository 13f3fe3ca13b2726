/** The keys that a caller may see or use, of one topic. */
export type KeyScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'listed'; readonly keys: ReadonlySet<string> }
  /** Those that begin with one of the prefixes, and some others. */
  | { readonly kind: 'prefixed'; readonly prefixes: readonly string[]; readonly keys: ReadonlySet<string> }

export const ALL_KEYS: KeyScope = { kind: 'all' }
export const NO_KEYS: KeyScope = { kind: 'none' }

export function allowsKey(scope: KeyScope, key: string): boolean {
  switch (scope.kind) {
    case 'all':
      return true
    case 'none':
      return false
    case 'listed':
      return scope.keys.has(key)
    case 'prefixed':
      return scope.keys.has(key) || scope.prefixes.some((prefix) => key.startsWith(prefix))
  }
}

/** What is left of a scope for one who asks for some keys only; `undefined`: for all that there are. */
export function narrowed(scope: KeyScope, asked: ReadonlySet<string> | undefined): KeyScope {
  if (asked === undefined || scope.kind === 'none') return scope
  if (scope.kind === 'all') return { kind: 'listed', keys: asked }
  return { kind: 'listed', keys: new Set([...asked].filter((key) => allowsKey(scope, key))) }
}

export function isSameScope(a: KeyScope, b: KeyScope): boolean {
  return scopeText(a) === scopeText(b)
}

/** The same for the same keys. */
export function scopeText(scope: KeyScope): string {
  const keys = 'keys' in scope ? [...scope.keys].sort() : []
  const prefixes = scope.kind === 'prefixed' ? [...scope.prefixes].sort() : []
  return JSON.stringify([scope.kind, keys, prefixes])
}
