const BASE_MS = 100
const CAP_MS = 10_000

/**
 * Wait before reconnect attempt `n` (from 0): full jitter under an exponential cap, so that a thousand clients that lost
 * one gateway do not come back together (M. Brooker, Exponential Backoff And Jitter, 2015).
 */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16))
}
