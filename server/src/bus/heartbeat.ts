/** An owner whose heartbeat is younger than this is alive and cannot be replaced. */
export const HEARTBEAT_FRESH_MS = 1_500
/** Heartbeats come this often: two may be missed. */
export const HEARTBEAT_EVERY_MS = 500

/**
 * Whether a heartbeat of that age is one of somebody alive. One that lies ahead was written before Redis' clock was set back;
 * who lives renews it soon. `is_fresh` of the scripts is the same.
 */
export function isFresh(heartbeatAgeMs: number): boolean {
  return Math.abs(heartbeatAgeMs) < HEARTBEAT_FRESH_MS
}
