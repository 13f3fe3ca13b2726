import { MAX_TIME_MS } from '../clock.ts'
import { otherUnit } from '../time-unit.ts'
import { QueryError } from './query-error.ts'

/** The unchecked parameters of a query. Over HTTP a repeated parameter is an array. */
export type Params = Readonly<Record<string, unknown>>

/** Whether it is text as Redis keeps it: with a lone surrogate, it would read the data of another name. */
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

/** A whole number, as such or in decimal digits. @throws QueryError `invalid_frame` */
export function optionalNumber(params: Params, name: string, from: number): number | undefined {
  const value = params[name]
  if (value === undefined) return undefined
  const number = typeof value === 'string' && /^\d{1,300}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= from) return number
  throw new QueryError('invalid_frame', `${name}: expected a whole number from ${from}`)
}

/**
 * A time, ms since 1970. One that is of the years 2001 to 2286 in another unit, or that no `Date` holds, is refused: the ids of
 * Redis have room for less than numbers do. @throws QueryError `invalid_frame`
 */
export function optionalTime(params: Params, name: string): number | undefined {
  const time = optionalNumber(params, name, 0)
  const unit = otherUnit(time)
  if (unit !== undefined)
    throw new QueryError('invalid_frame', `${name}: ${time} looks like ${unit}; expected ms since 1970`)
  if (time === undefined || time <= MAX_TIME_MS) return time
  throw new QueryError('invalid_frame', `${name}: expected ms since 1970, at most ${MAX_TIME_MS}`)
}

/** `limit`, capped at the maximum of one answer. @throws QueryError `invalid_frame` */
export function limitOf(params: Params, most: number): number {
  return Math.min(most, optionalNumber(params, 'limit', 1) ?? most)
}
