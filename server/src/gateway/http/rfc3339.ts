const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/i
const MINUTE_MS = 60_000

/**
 * Reads an RFC 3339 timestamp as ms since 1970, or returns `undefined` for anything else: without a zone, with a space
 * for the `T`, with a day its month does not have. Digits beyond ms are cut off. A leap second - 23:59:60 UTC on the
 * last day of a month - counts as the second after it, as it does for system clocks.
 */
export function parseRfc3339(text: string): number | undefined {
  const match = TIMESTAMP.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const [, , , , , , , fraction = '', sign = '+', offsetHour = '0', offsetMinute = '0'] = match
  if (hour > 23 || minute > 59 || second > 60 || Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined
  const local = new Date(0)
  // `Date.UTC` would take the years 0 to 99 for 1900 to 1999.
  local.setUTCFullYear(year, month - 1, day)
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) return undefined
  local.setUTCHours(hour, minute, second, Number(fraction.slice(0, 3).padEnd(3, '0')))
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * MINUTE_MS
  const time = local.getTime() - (sign === '-' ? -offsetMs : offsetMs)
  return second < 60 || beginsMonth(time) ? time : undefined
}

function beginsMonth(time: number): boolean {
  const at = new Date(time)
  return at.getUTCDate() === 1 && at.getUTCHours() === 0 && at.getUTCMinutes() === 0
}
