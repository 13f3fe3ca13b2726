/**
 * Units in which times are sent by mistake, and where such times lie that mean the years 2001 to 2286. As milliseconds they
 * are in the first months of 1970, or tens of thousands of years ahead.
 */
const UNITS = [
  ['seconds', 1e9],
  ['microseconds', 1e15],
  ['nanoseconds', 1e18],
] as const

/** The unit that a time seems to have, if that is not milliseconds. */
export function otherUnit(time: unknown): (typeof UNITS)[number][0] | undefined {
  if (typeof time !== 'number') return undefined
  return UNITS.find(([, least]) => time >= least && time < 10 * least)?.[0]
}
