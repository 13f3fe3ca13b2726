/** What a caller may be allowed to do. `admin` is of no topic. */
export const OPERATIONS = ['publish', 'subscribe', 'query', 'command', 'admin'] as const
export type Operation = (typeof OPERATIONS)[number]

/** One thing that is allowed. Placeholders - `$sub`, `$claims.x` - may stand in selector and key. */
export interface Grant {
  readonly operation: Operation
  readonly selector: string
  readonly key: KeyPattern
}

export type KeyPattern =
  | { readonly kind: 'all' }
  | { readonly kind: 'exact'; readonly key: string }
  | { readonly kind: 'prefix'; readonly prefix: string }

export const PLACEHOLDER = /\$sub(?!\w)|\$claims\.(\w+)/g
/** Without anything between them `ab` and `c` make what `a` and `bc` make. */
const ADJOINING = /(\$sub|\$claims\.\w+)\$(sub(?!\w)|claims\.\w)/

const WORDS = /^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9][A-Za-z0-9_]*)*$/
const MAX_CHARS = 1_024

/** Reads `selector` or `selector:key`; `undefined` for what is neither. */
export function parseGrant(operation: Operation, text: string): Grant | undefined {
  if (text.length > MAX_CHARS || !text.isWellFormed() || ADJOINING.test(text)) return undefined
  const colon = text.indexOf(':')
  const selector = colon === -1 ? text : text.slice(0, colon)
  // Any word will do in its place.
  if (!isGrantSelector(selector.replace(PLACEHOLDER, 'x'))) return undefined
  const key = colon === -1 ? undefined : text.slice(colon + 1)
  if (key === '') return undefined
  return { operation, selector, key: key === undefined ? { kind: 'all' } : parseKey(key) }
}

/** As selectors of topics, but commands may have capital letters. */
export function isGrantSelector(text: string): boolean {
  if (text === '>' || text === '*') return true
  return WORDS.test(text.endsWith('.*') || text.endsWith('.>') ? text.slice(0, -2) : text)
}

function parseKey(text: string): KeyPattern {
  if (text === '*') return { kind: 'all' }
  return text.endsWith('*') ? { kind: 'prefix', prefix: text.slice(0, -1) } : { kind: 'exact', key: text }
}
