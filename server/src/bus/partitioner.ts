export const KEY_HASH_SEED = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** The hash of a key, begun with `KEY_HASH_SEED`, with one UTF-16 code unit more. */
export function withKeyUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, FNV_PRIME)
}

/**
 * Partition of a key: FNV-1a (32 bit) over its UTF-16 code units, finished with murmur3's avalanche so that the low
 * bits of short, similar keys spread, modulo the partition count.
 */
export function partitionOf(key: string, partitions: number): number {
  let h = KEY_HASH_SEED
  for (let i = 0; i < key.length; i++) h = withKeyUnit(h, key.charCodeAt(i))
  return partitionOfHash(h, partitions)
}

export function partitionOfHash(hash: number, partitions: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) % partitions
}
