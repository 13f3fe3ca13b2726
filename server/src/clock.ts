/** Wall-clock time in ms since 1970. Injected wherever behaviour depends on time, so that tests own it. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: Date.now }
