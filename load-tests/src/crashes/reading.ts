/** A reading as it is appended. `v` is a multiple of 1/64, so that sums are exact in any order. */
export interface Reading {
  readonly id: string
  readonly sensor: string
  readonly site: string
  readonly time: number
  readonly v: number
}

const SENSORS = 24
/** A third of the sensors sends at a time, for this long: sessions end, and late readings join them. */
const SHIFTS = 3
const SHIFT_MS = 4_000
const SITES = 5
/** Event time from one reading to the next. */
const STEP_MS = 10
/** Most readings are out of order by less than the windows wait, some by more. */
const DISORDER_MS = 900
const LATE_SHARE = 0.04
const LATE_MS = 25_000

/** Seeded readings in order of arrival, without end. @param random uniform numbers in [0, 1) */
export function* createReadings(random: () => number, from: number): Generator<Reading, never> {
  for (let i = 0; ; i++) {
    const delay = random() < LATE_SHARE ? random() * LATE_MS : random() * DISORDER_MS
    const shift = Math.floor((i * STEP_MS) / SHIFT_MS) % SHIFTS
    const sensor = Math.floor((random() * SENSORS) / SHIFTS) * SHIFTS + shift
    yield {
      id: `r-${i}`,
      sensor: `s-${sensor}`,
      site: `site-${Math.floor(random() * SITES)}`,
      time: Math.round(from + i * STEP_MS - delay),
      v: Math.floor(random() * 640) / 64,
    }
  }
}
