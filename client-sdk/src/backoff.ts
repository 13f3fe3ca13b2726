const BASE_MS = 100
const CAP_MS = 10_000

/**
 * Wait before reconnect attempt `n` (from 0): full jitter under an exponential cap, so that a thousand clients that
 * lost one gateway do not come back together (M. Brooker, Exponential Backoff And Jitter, 2015).
 *
 * @param random a number in [0, 1).
 */
export function reconnectDelayMs(attempt: number, random: number): number {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** attempt)
}

const RESEND_MIN_MS = 10
const RESEND_CAP_MS = 1_000
const RESEND_SPREAD = 0.25

/**
 * Wait before frames are sent again: as long as the server asked for, at least 10 ms doubled with every round without
 * an acknowledgement, and up to a quarter more so that clients refused together do not return together.
 *
 * @param round rounds in a row without an acknowledgement, from 0.
 * @param random a number in [0, 1).
 */
export function resendDelayMs(retryAfterMs: number, round: number, random: number): number {
  const leastMs = Math.min(RESEND_CAP_MS, RESEND_MIN_MS * 2 ** round)
  return Math.max(leastMs, retryAfterMs) * (1 + RESEND_SPREAD * random)
}
