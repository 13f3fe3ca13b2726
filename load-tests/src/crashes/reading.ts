/** A reading as it is appended. `v` is a multiple of 1/64, so that sums are exact in any order. */
export interface Reading {
  readonly id: string
  readonly sensor: string
  readonly site: string
  readonly time: number
  readonly v: number
}

const SENSORS = 24
const SITES = 5
/** Event time of a schedule. */
const SPAN_MS = 120_000
/** Most readings are out of order by less than the windows wait, some by more. */
const DISORDER_MS = 900
const LATE_SHARE = 0.04
const LATE_MS = 25_000

/** Seeded readings in order of arrival. @param random uniform numbers in [0, 1) */
export function createReadings(random: () => number, count: number, from: number): Reading[] {
  return Array.from({ length: count }, (_, i) => {
    const delay = random() < LATE_SHARE ? random() * LATE_MS : random() * DISORDER_MS
    const sensor = Math.floor(random() * SENSORS)
    return {
      id: `r-${i}`,
      sensor: `s-${sensor}`,
      site: `site-${Math.floor(random() * SITES)}`,
      time: Math.round(from + (i / count) * SPAN_MS - delay),
      v: Math.floor(random() * 640) / 64,
    }
  })
}
