/**
 * HyperLogLog of 53-bit hashes with 2^12 registers: Flajolet, Fusy, Gandouet and Meunier, HyperLogLog: the analysis of
 * a near-optimal cardinality estimation algorithm, 2007.
 */
const PRECISION = 12
export const REGISTERS = 2 ** PRECISION

/** Bits of a hash behind those that select its register. */
const REST_BITS = 53 - PRECISION
const REST = 2 ** REST_BITS

/** Holds every rank, 0 to 42. */
export const RANK_BITS = 6

const MAX_RANK = REST_BITS + 1

export function registerOf(hash: number): number {
  return Math.floor(hash / REST)
}

/** One more than the number of leading zeros in the rest of the hash: `n` with probability `2^-n`. */
export function rankOf(hash: number): number {
  const rest = hash % REST
  const high = Math.floor(rest / 2 ** 32)
  return high === 0 ? REST_BITS - 32 + Math.clz32(rest) + 1 : Math.clz32(high) - (64 - REST_BITS) + 1
}

/**
 * Number of different hashes, without bias from the smallest to the largest: Ertl, New cardinality estimation
 * algorithms for HyperLogLog sketches, 2017, algorithm 6.
 */
export function estimate(registers: Uint8Array): number {
  const counts = new Array<number>(MAX_RANK + 1).fill(0)
  for (const rank of registers) counts[rank]!++
  let sum = REGISTERS * tau(1 - counts[MAX_RANK]! / REGISTERS)
  for (let rank = MAX_RANK - 1; rank >= 1; rank--) sum = 0.5 * (sum + counts[rank]!)
  sum += REGISTERS * sigma(counts[0]! / REGISTERS)
  return (REGISTERS / (2 * Math.LN2)) * (REGISTERS / sum)
}

/** `x + sum of x^(2^k) * 2^(k-1)` over k >= 1, for x below 1. */
function sigma(share: number): number {
  let x = share
  let factor = 1
  let sum = x
  for (let before = -1; sum !== before; factor *= 2) {
    x *= x
    before = sum
    sum += x * factor
  }
  return sum
}

/** A third of `1 - x - sum of (1 - x^(2^-k))^2 * 2^-k` over k >= 1. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let x = share
  let factor = 1
  let sum = 1 - x
  for (let before = -1; sum !== before; ) {
    x = Math.sqrt(x)
    factor *= 0.5
    before = sum
    sum -= (1 - x) ** 2 * factor
  }
  return sum / 3
}
