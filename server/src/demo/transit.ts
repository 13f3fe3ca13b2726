import { exponential, type Random, uniform } from './random.ts'

/**
 * How long a reading travels, in ms. Most take tens of ms; one in 25 is held up, but less than the 2 s by which the
 * demo's windows wait; of 4,000, two revise a pane that was already shown and one is too late for every window.
 */
export function transitMs(random: Random): number {
  const fate = random()
  if (fate < 0.000_25) return uniform(random, 90_000, 150_000)
  if (fate < 0.000_75) return uniform(random, 15_000, 40_000)
  if (fate < 0.04) return uniform(random, 200, 1_500)
  return 15 + Math.min(exponential(random, 40), 400)
}
