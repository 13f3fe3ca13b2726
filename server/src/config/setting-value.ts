/** An option or environment variable has a value that cannot be used. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'

  constructor(source: string, value: string, cause: unknown) {
    super(`${source} is ${JSON.stringify(withoutPassword(value))}: ${(cause as Error).message}`, { cause })
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

/** One or more of some words, separated by commas. */
export function someOf<T extends string>(values: readonly T[]): (value: string) => readonly T[] {
  const one = oneOf(values)
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

/** The address of a Redis. */
export function redisAddress(value: string): string {
  if (value.startsWith('/')) return value
  if (URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol)) return value
  throw new RangeError('it must be redis://host:port, rediss://host:port or the path of a unix socket')
}

function withoutPassword(value: string): string {
  return value.replace(/:[^:@/]*@/, ':***@')
}
