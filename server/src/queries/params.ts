import { QueryError } from './query-error.ts'

/** What came with a query; nothing of it has been checked. */
export type Params = Readonly<Record<string, unknown>>

/** Whether it is text as Redis keeps it: a lone surrogate would read what another name wrote. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed()
}

/** @throws QueryError `invalid_frame` */
export function optionalText(params: Params, name: string): string | undefined {
  const value = params[name]
  if (value === undefined || isText(value)) return value
  throw new QueryError('invalid_frame', `${name}: expected a string without lone surrogates`)
}

/** @throws QueryError `invalid_frame` */
export function text(params: Params, name: string): string {
  const value = optionalText(params, name)
  if (value === undefined) throw new QueryError('invalid_frame', `${name}: expected a string`)
  return value
}
