/** Scheme and authority of an absolute-form target (RFC 9112, 3.2.2). */
const AUTHORITY = /^https?:\/\/[^/?]*/i

/** Path and query of a request target. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const local = target.replace(AUTHORITY, '')
  const at = local.indexOf('?')
  const path = at === -1 ? local : local.slice(0, at)
  return { path: path === '' ? '/' : path, query: at === -1 ? '' : local.slice(at + 1) }
}
