/** Delivery priorities, highest first: the order in which a flush tick writes them. */
export const LANES = ['high', 'normal', 'low'] as const

/** Delivery priority of one event, decided once at ingest by its topic's rule. */
export type Lane = (typeof LANES)[number]

export function isLane(value: unknown): value is Lane {
  return value === 'high' || value === 'normal' || value === 'low'
}
