type Unit = 'ms' | 's' | 'm' | 'h' | 'd'
type NonZeroDigit = '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9'

/** A whole, positive number and a unit: `'500ms'`, `'10s'`, `'2m'`, `'24h'`, `'7d'`. */
export type PositiveDuration = `${bigint}${Unit}` & `${NonZeroDigit}${string}`

/** A positive duration, or zero as `'0s'`. */
export type Duration = PositiveDuration | `0${Unit}`

/** A duration that may point backwards: `'-6h'`. */
export type SignedDuration = Duration | (`${bigint}${Unit}` & `-${NonZeroDigit}${string}`)

const MS_PER_UNIT: Readonly<Record<Unit, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Ten years: beyond it a duration is a slip of the pen, and sums of durations and times stay exact integers. */
export const MAX_DURATION_MS = 3_650 * MS_PER_UNIT.d

const DURATION = /^(-?)(0|[1-9]\d{0,11})(ms|s|m|h|d)$/

/**
 * Milliseconds of a duration such as `'10s'`. The config file is not type-checked when it is loaded, so this checks
 * what the types promise.
 *
 * @throws {RangeError} for anything that is not a duration of at most ten years, in either direction.
 */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text)
  if (match === null) {
    throw new RangeError(`${JSON.stringify(text)} is not a duration; write a whole number and ms, s, m, h or d: '10s'`)
  }
  const ms = Number(match[2]) * MS_PER_UNIT[match[3] as Unit]
  if (ms > MAX_DURATION_MS) throw new RangeError(`${text} is longer than ten years`)
  return match[1] === '-' && ms > 0 ? -ms : ms
}
