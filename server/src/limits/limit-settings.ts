import { DEFAULT_LIMITS, type LimitName, type Quantity, SCOPES, type Scope } from './limit-table.ts'

export interface LimitSettings {
  readonly of: Readonly<Record<Scope, Readonly<Partial<Record<Quantity, number>>>>>
  /** Whether limits of an address hold for loopback too. */
  readonly includesLoopback: boolean
}

export const DEFAULT_SETTINGS: LimitSettings = { of: DEFAULT_LIMITS, includesLoopback: false }

const OFF = 'off'
const LOOPBACK = 'loopback'
const MAX = 1e12

/** Every limit that can be set. */
export const LIMIT_NAMES: readonly LimitName[] = SCOPES.flatMap((scope) =>
  (Object.keys(DEFAULT_LIMITS[scope]) as Quantity[]).map((quantity): LimitName => `${scope}.${quantity}`),
)

/**
 * Limits as an operator writes them: `address.frames=500,caller.keys=off,loopback=on`. Those that are not named keep
 * their defaults.
 *
 * @throws {RangeError} saying what is expected.
 */
export function parseLimits(text: string): LimitSettings {
  const of: Record<Scope, Partial<Record<Quantity, number>>> = {
    connection: { ...DEFAULT_LIMITS.connection },
    address: { ...DEFAULT_LIMITS.address },
    caller: { ...DEFAULT_LIMITS.caller },
    gateway: { ...DEFAULT_LIMITS.gateway },
  }
  let includesLoopback = DEFAULT_SETTINGS.includesLoopback
  for (const part of text.split(',').map((part) => part.trim())) {
    if (part === '') continue
    const [name, value = '', ...rest] = part.split('=').map((side) => side.trim())
    if (name === LOOPBACK && (value === 'on' || value === OFF) && rest.length === 0) {
      includesLoopback = value === 'on'
      continue
    }
    const known = LIMIT_NAMES.find((limit) => limit === name)
    if (known === undefined || rest.length > 0) {
      throw new RangeError(`${part} is not name=value with one of the names in docs/limits.md`)
    }
    const [scope, quantity] = known.split('.') as [Scope, Quantity]
    of[scope][quantity] = readValue(known, value)
  }
  return { of, includesLoopback }
}

function readValue(name: LimitName, text: string): number {
  if (text === OFF) return Number.POSITIVE_INFINITY
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > MAX) {
    throw new RangeError(`${name} must be a whole number from 1 to ${MAX}, or ${OFF}`)
  }
  return value
}
