import type { DeliveryLimits } from '../../src/delivery/index.ts'

/** What a node grants unless its settings say otherwise. */
export const DELIVERY_LIMITS: DeliveryLimits = {
  windowBytes: 65_536,
  lowWaterShare: 0.25,
  queueBytes: 128 * 1_048_576,
  onSlow: ['drop-oldest', 'conflate', 'sample', 'disconnect'],
  maxRate: undefined,
}
