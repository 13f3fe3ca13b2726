import calculateSlot from 'cluster-key-slot'

/** The slot of a cluster in which a key lies: keys with the same text in braces share one. */
export function slotOf(key: string): number {
  return calculateSlot(key)
}
