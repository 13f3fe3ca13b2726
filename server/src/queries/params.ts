import { QueryError } from './query-error.ts'

/** What came with a query; nothing of it has been checked. */
export type Params = Readonly<Record<string, unknown>>

/** @throws QueryError `invalid_frame` */
export function optionalText(params: Params, name: string): string | undefined {
  const value = params[name]
  if (value === undefined || typeof value === 'string') return value
  throw new QueryError('invalid_frame', `${name}: expected a string`)
}

/** @throws QueryError `invalid_frame` */
export function text(params: Params, name: string): string {
  const value = optionalText(params, name)
  if (value === undefined) throw new QueryError('invalid_frame', `${name}: expected a string`)
  return value
}
