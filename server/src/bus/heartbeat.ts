/** An owner whose heartbeat is younger than this is alive and cannot be replaced. */
export const HEARTBEAT_FRESH_MS = 1_500
/** Interval of heartbeats: two may be missed. */
export const HEARTBEAT_EVERY_MS = 500

/**
 * Whether a heartbeat of that age is from a live owner. A heartbeat in the future was written before Redis' clock was
 * set back; a live owner soon renews it. `is_fresh` of the scripts is the same.
 */
export function isFresh(heartbeatAgeMs: number): boolean {
  return Math.abs(heartbeatAgeMs) < HEARTBEAT_FRESH_MS
}
