/**
 * How far a subscription is from keeping up, as a pure machine. Each level asks its policy for more. A level is entered
 * at once and left only after some calm, so that a client at the edge does not alternate between all events and the
 * latest ones.
 */
export interface Slowness {
  /** 0: everything is sent. */
  readonly level: number
  /** Since when little has been waiting, ms of the monotonic clock; `undefined` otherwise. */
  readonly calmSince: number | undefined
}

/** Waiting events as a share of what a subscription of a congested session may queue. */
export type Pressure = 'high' | 'middle' | 'low'

export const KEEPING_UP: Slowness = { level: 0, calmSince: undefined }

/** How long little must wait before a level is left. */
const CALM_MS = 1_000
/** "Little": less than this share of the amount that makes a subscription slow. */
const CALM_SHARE = 0.25

/** @param share waiting events as a share of what a subscription may queue before it counts as slow. */
export function pressureOf(share: number): Pressure {
  if (share >= 1) return 'high'
  return share < CALM_SHARE ? 'low' : 'middle'
}

export function stepSlowness(slowness: Slowness, pressure: Pressure, now: number, maxLevel: number): Slowness {
  const { level, calmSince } = slowness
  switch (pressure) {
    case 'high':
      return { level: Math.min(maxLevel, level + 1), calmSince: undefined }
    case 'middle':
      return calmSince === undefined ? slowness : { level, calmSince: undefined }
    case 'low':
      if (level === 0) return KEEPING_UP
      if (calmSince === undefined) return { level, calmSince: now }
      return now - calmSince < CALM_MS ? slowness : { level: level - 1, calmSince: now }
  }
}
