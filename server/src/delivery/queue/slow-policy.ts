import type { OnSlow } from '@tidegate/protocol'

/** The granted options for a slow client of one subscription. */
export interface SlowPolicy {
  readonly onSlow: OnSlow
  /** Maximum events per second, key and lane, for normal and low; `undefined`: no limit. */
  readonly maxRate: number | undefined
}

/** Whether events are withheld in favour of later ones: then the latest state is wanted, not every event. */
export function thins({ onSlow, maxRate }: SlowPolicy): boolean {
  return onSlow === 'conflate' || onSlow === 'sample' || maxRate !== undefined
}
