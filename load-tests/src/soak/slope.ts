/** How a figure moves, and how sure that is. */
export interface Slope {
  readonly perHour: number
  /** Standard error of it. */
  readonly errorPerHour: number
  readonly mean: number
  /** `unclear`: the error is too large to tell whether it moves; a longer run has a smaller one. */
  readonly verdict: 'flat' | 'grows' | 'shrinks' | 'unclear'
}

/** Lowest values of that many stretches: between them a heap rises and falls with its collections. */
const STRETCHES = 20
/** A slope is told from none beyond that many errors: samples that follow each other are alike, which makes errors look small. */
const SURE = 3
/** Growth in an hour that counts as none, as a share of the mean. */
const NEAR_ZERO = 0.02
/** An error in an hour, as a share of the mean, with which nothing can be said. */
const TOO_UNSURE = 0.2

/** Least squares over the lows of a series that was sampled evenly. @param hours from the first to the last sample */
export function slopeOf(samples: readonly number[], hours: number): Slope {
  const lows = lowsOf(samples)
  const mean = lows.reduce((sum, low) => sum + low, 0) / lows.length
  const at = lows.map((_, i) => ((i + 0.5) / lows.length) * hours)
  const middle = hours / 2
  const spread = at.reduce((sum, x) => sum + (x - middle) ** 2, 0)
  const perHour = at.reduce((sum, x, i) => sum + (x - middle) * (lows[i]! - mean), 0) / spread
  const rest = at.reduce((sum, x, i) => sum + (lows[i]! - mean - perHour * (x - middle)) ** 2, 0)
  const errorPerHour = Math.sqrt(rest / (lows.length - 2) / spread)
  return { perHour, errorPerHour, mean, verdict: verdict(perHour, errorPerHour, mean) }
}

function verdict(perHour: number, errorPerHour: number, mean: number): Slope['verdict'] {
  const [least, most] = [perHour - SURE * errorPerHour, perHour + SURE * errorPerHour]
  const nearZero = NEAR_ZERO * mean
  if (least > nearZero) return 'grows'
  if (most < -nearZero) return 'shrinks'
  return SURE * errorPerHour > TOO_UNSURE * mean ? 'unclear' : 'flat'
}

function lowsOf(samples: readonly number[]): number[] {
  const count = Math.min(STRETCHES, samples.length)
  return Array.from({ length: count }, (_, i) => {
    const stretch = samples.slice(
      Math.floor((i * samples.length) / count),
      Math.floor(((i + 1) * samples.length) / count),
    )
    return Math.min(...stretch)
  })
}
