/** Injected wherever behaviour depends on time, so that tests own it. */
export interface Clock {
  /** Wall-clock time in ms since 1970. It may be set back: it tells the time of day, never how long something took. */
  now(): number
  /** ms of a clock that nobody sets; only differences mean something. */
  monotonic(): number
}

/** For code that only shows times, or compares them with other times of the wall clock. */
export type WallClock = Pick<Clock, 'now'>

/** As far as a `Date` reaches, in either direction. Ends of windows stay exact integers there. */
export const MAX_TIME_MS = 8_640_000_000_000_000

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }
