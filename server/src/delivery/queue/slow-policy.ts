import type { OnSlow } from '@tidegate/protocol'

/** What a subscription wants done while its client cannot keep up, as granted. */
export interface SlowPolicy {
  readonly onSlow: OnSlow
  /** Events per second, key and lane that are sent at most, of normal and low; `undefined`: all. */
  readonly maxRate: number | undefined
}

/** Whether events are withheld in favour of later ones: then the latest is wanted, not all that there were. */
export function thins({ onSlow, maxRate }: SlowPolicy): boolean {
  return onSlow === 'conflate' || onSlow === 'sample' || maxRate !== undefined
}
