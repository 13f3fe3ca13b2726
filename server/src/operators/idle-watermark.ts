/**
 * The watermark once every source is idle: the largest time seen, then on with the time idle, but not beyond what a source
 * would allow whose clock is right. Else one time that lies ahead of the clock would stay as far ahead of it, and make
 * everything late that comes after the silence.
 *
 * @param latest largest time seen
 * @param idleMs how long all have been idle
 * @param now the clock, ms
 */
export function idleWatermark(latest: number, idleMs: number, now: number, outOfOrdernessMs: number): number {
  return Math.max(latest, Math.min(latest + idleMs, now - outOfOrdernessMs))
}
