/**
 * The watermark once every source is idle: the largest time seen, then advancing with the idle time, but never beyond
 * what a source with a correct clock would allow. Otherwise a single time ahead of the clock would keep the watermark
 * as far ahead, and everything after the silence would be late.
 *
 * @param latest largest time seen
 * @param idleMs how long all have been idle
 * @param now the clock, ms
 */
export function idleWatermark(latest: number, idleMs: number, now: number, outOfOrdernessMs: number): number {
  return Math.max(latest, Math.min(latest + idleMs, now - outOfOrdernessMs))
}
