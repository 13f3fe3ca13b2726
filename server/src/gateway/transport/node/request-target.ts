/** Scheme and authority of an absolute-form target (RFC 9112, 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?]*)/i

export interface Target {
  /** Of an absolute-form target. */
  readonly authority: string | undefined
  readonly path: string
  readonly query: string
}

export function splitTarget(target: string): Target {
  const [absolute = '', authority] = ABSOLUTE.exec(target) ?? []
  const local = target.slice(absolute.length)
  const at = local.indexOf('?')
  const path = at === -1 ? local : local.slice(0, at)
  return { authority, path: path === '' ? '/' : path, query: at === -1 ? '' : local.slice(at + 1) }
}
