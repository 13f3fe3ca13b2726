import { parseDuration } from '../../config/duration.ts'
import { UsageError } from './usage-error.ts'

/** A date, or a date and time with its zone. Without a zone it would mean another time on another machine. */
const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/

/**
 * A time in ms since 1970: an instant (`2026-11-23`, which is its midnight UTC, or `2026-11-23T12:00:00Z`), or a
 * duration before `now` (`24h`).
 *
 * @throws {UsageError}
 */
export function parseTime(option: string, text: string, now: number): number {
  if (INSTANT.test(text) && isDay(text.slice(0, 10))) {
    const time = Date.parse(text)
    if (Number.isFinite(time)) return time
  }
  try {
    const ms = parseDuration(text)
    if (ms >= 0) return now - ms
  } catch {
    // Neither.
  }
  throw new UsageError(
    `--${option} ${text}: say a date (2026-11-23), a time with its zone (2026-11-23T12:00:00Z) or how long ago (24h)`,
  )
}

/** `Date` takes 30 February for 2 March. */
function isDay(text: string): boolean {
  const midnight = Date.parse(text)
  return Number.isFinite(midnight) && new Date(midnight).toISOString().startsWith(text)
}
