/**
 * More partitions in place of some. The new number is a multiple: then every partition is divided by itself, as a key of
 * partition p of n lies in p, p + n, p + 2n ... of a multiple of n.
 */
export interface Division {
  readonly from: number
  readonly to: number
}

/** Partition of a key among so many. */
export type HomeOf = (key: string, partitions: number) => number

/** The partitions that come of one: itself is the first. */
export function childrenOf(parent: number, { from, to }: Division): number[] {
  return Array.from({ length: to / from }, (_, n) => parent + n * from)
}

/** Where what a partition has of a key goes. What lies there for another reason than its key stays in the partition. */
export function childOf(parent: number, key: string, homeOf: HomeOf, { from, to }: Division): number {
  const home = homeOf(key, to)
  return home % from === parent ? home : parent
}
