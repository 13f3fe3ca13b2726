import type { Masters } from '../redis/masters.ts'
import type { PlacedSlots } from '../redis/placed-slots.ts'
import { type Patience, untilDurable } from './until-durable.ts'

/** Where a growth takes place. */
export interface Ground {
  readonly masters: Masters
  /** Of all partitions that there are and will be. */
  readonly slots: PlacedSlots
  readonly patience: Patience
}

/**
 * Ends one phase and begins the next. A Redis that crashes, or fails over, may lose the end of what it was told. Where there is one,
 * that is what was done last, and the growth continues from there. The masters of a cluster lose different ends:
 *
 * 1. What the phase has done is made durable on all. Otherwise the next one would remove what was copied to a master that forgets it.
 * 2. No slot has moved, or some key could have been passed over.
 * 3. The change is written.
 * 4. It is made durable. Otherwise the phase before could be done again on the work of the next one.
 */
export async function changePhase({ masters, slots, patience }: Ground, change: () => Promise<void>): Promise<void> {
  if (!masters.isCluster) return change()
  await untilDurable(masters, patience)
  await slots.confirm()
  await change()
  await untilDurable(masters, patience)
}
