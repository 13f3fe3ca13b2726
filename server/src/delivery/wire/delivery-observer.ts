import type { Arrival } from './arrival.ts'
import type { Take } from './batch-frame.ts'

/** Learns of what leaves for clients. Called for each frame: MUST be quick. */
export interface DeliveryObserver {
  /** A frame of live events was written, or one for several clients to the last of them. */
  onDelivered(sinceStoredMs: number, sinceSourceMs: number): void
  onGap(reason: string): void
}

/** Reports the oldest events of a frame, if they are live ones. */
export function reportDelivered(takes: readonly Take[], now: number, { onDelivered }: DeliveryObserver): void {
  let oldest: Arrival | undefined
  for (const { run } of takes) {
    const { arrival } = run
    if (arrival !== undefined && (oldest === undefined || arrival.storedAt < oldest.storedAt)) oldest = arrival
  }
  if (oldest !== undefined) onDelivered(now - oldest.storedAt, now - oldest.stampedAt)
}
