import { parseRedisAddress } from '../../redis-address.ts'
import { keepSecret } from '../../secrets.ts'

/** An option or environment variable has a value that cannot be used. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'

  /**
   * @param value left out where it is a secret, or may be one that was given to another setting: no pattern finds the
   *   password in a value that is mistyped.
   */
  constructor(source: string, value: string | undefined, cause: unknown) {
    const isWhat =
      value === undefined ? 'cannot be used (it is not shown, it may hold a password)' : `is ${JSON.stringify(value)}`
    super(`${source} ${isWhat}: ${(cause as Error).message}`, { cause })
  }
}

export function text(value: string): string {
  if (value.trim() === '') throw new RangeError('it must not be empty')
  return value
}

export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new RangeError(`it must be a whole number from ${min} to ${max}`)
    }
    return number
  }
}

export function oneOf<T extends string>(values: readonly T[]): (value: string) => T {
  return (value) => {
    const match = values.find((candidate) => candidate === value)
    if (match === undefined) throw new RangeError(`it must be one of ${values.join(', ')}`)
    return match
  }
}

/** One or more, separated by commas. */
export function listOf<T>(one: (value: string) => T): (value: string) => readonly T[] {
  return (value) => value.split(',').map((word) => one(word.trim()))
}

export function number(min: number, max: number): (value: string) => number {
  return (value) => {
    const parsed = Number(value)
    if (value.trim() === '' || !(parsed >= min && parsed <= max)) {
      throw new RangeError(`it must be a number from ${min} to ${max}`)
    }
    return parsed
  }
}

/** The address of a Redis, which may hold a password. From then on nothing that is printed shows it. */
export function redisAddress(value: string): string {
  const address = parseRedisAddress(value)
  if (address.kind !== 'socket') keepSecret(address.password)
  if (address.kind === 'sentinel') keepSecret(address.sentinelPassword)
  return value
}
