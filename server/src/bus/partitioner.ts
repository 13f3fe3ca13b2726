const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * Partition of a key: FNV-1a (32 bit) over its UTF-16 code units, finished with murmur3's avalanche so that the low
 * bits of short, similar keys spread, modulo the partition count.
 */
export function partitionOf(key: string, partitions: number): number {
  let h = FNV_OFFSET
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), FNV_PRIME)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) % partitions
}
