/** Wall-clock time in ms since 1970. Injected wherever behaviour depends on time, so that tests own it. */
export interface Clock {
  now(): number
}

/** As far as a `Date` reaches, in either direction. Ends of windows stay exact integers there. */
export const MAX_TIME_MS = 8_640_000_000_000_000

export const systemClock: Clock = { now: Date.now }
