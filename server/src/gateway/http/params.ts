import type { Params } from '../../queries/index.ts'

/** The query parameters; a repeated one is an array, which no query accepts. */
export function paramsOf(query: URLSearchParams): Params {
  const params: Record<string, string | string[]> = Object.create(null)
  // One pass: `getAll` for every name would look at all of them for each.
  for (const [name, value] of query) {
    const before = params[name]
    if (before === undefined) params[name] = value
    else if (typeof before === 'string') params[name] = [before, value]
    else before.push(value)
  }
  return params
}
