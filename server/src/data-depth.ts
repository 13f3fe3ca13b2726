/**
 * Whether arrays and objects nest deeper than `limit` in a JSON value. Recursive code over data - schemas,
 * JSON.stringify, flows - MUST NOT get any deeper value: some thousand levels overflow the stack.
 */
export function isDeeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (limit === 0) return true
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && isDeeperThan(item, limit - 1)) return true
    return false
  }
  for (const name in value) {
    const field = (value as Record<string, unknown>)[name]
    if (typeof field === 'object' && isDeeperThan(field, limit - 1)) return true
  }
  return false
}
