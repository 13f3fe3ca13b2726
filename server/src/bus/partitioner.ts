export const KEY_HASH_SEED = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** The hash of a key, begun with `KEY_HASH_SEED`, with one UTF-16 code unit more. */
export function withKeyUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, FNV_PRIME)
}

/**
 * FNV-1a (32 bit) over the UTF-16 code units of a text, finished with murmur3's avalanche so that the low bits of short,
 * similar texts spread.
 *
 * @param seed what it begins with
 */
export function hashOf(text: string, seed = KEY_HASH_SEED): number {
  let h = seed
  for (let i = 0; i < text.length; i++) h = withKeyUnit(h, text.charCodeAt(i))
  return finished(h)
}

/** Partition of a key: its hash modulo the partition count. */
export function partitionOf(key: string, partitions: number): number {
  return hashOf(key) % partitions
}

export function partitionOfHash(hash: number, partitions: number): number {
  return finished(hash) % partitions
}

function finished(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
