/**
 * The watermark once all input has ended: all open windows are complete, and windows behind them still wait for input
 * that comes after all. As with idle sources it never passes what a source with a correct clock would allow, so an end
 * makes no event late that comes in time.
 *
 * @param openUntil when the last open window ends
 * @param now the clock, ms
 */
export function endedWatermark(openUntil: number, now: number, outOfOrdernessMs: number): number {
  return Math.min(openUntil, now - outOfOrdernessMs)
}
