import { isLane, parseLogEpoch, parsePosition } from '@tidegate/protocol'

export type Check = (value: unknown) => boolean
type Fields = Readonly<Record<string, unknown>>

/** A server asks for seconds. Timers take 24 days and would end at once for more. */
const MAX_DELAY_MS = 86_400_000

/** Whether a server may ask to wait that long. */
export function isDelay(value: unknown): value is number {
  return isNumber(value) && value >= 0 && value <= MAX_DELAY_MS
}

export const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const isText = (value: unknown): value is string => typeof value === 'string'
export const isNumber = (value: unknown): value is number => Number.isFinite(value)
export const isPosition: Check = (value) => isText(value) && parsePosition(value) !== undefined
export const isLogEpoch: Check = (value) => isText(value) && parseLogEpoch(value) !== undefined
export { isLane }

export function isListOf(item: Check): Check {
  return (value) => Array.isArray(value) && value.every(item)
}

export function isTableOf(item: Check): Check {
  return (value) => isRecord(value) && Object.values(value).every(item)
}

export function isAbsentOr(check: Check): Check {
  return (value) => value === undefined || check(value)
}

/** An object with these fields, and any others. */
export function has(fields: Readonly<Record<string, Check>>): Check {
  const names = Object.keys(fields)
  const checks = Object.values(fields)
  return (value) => {
    if (!isRecord(value)) return false
    for (let i = 0; i < names.length; i++) if (!checks[i]!(value[names[i]!])) return false
    return true
  }
}
