/** Numbers from 0 to 1 that follow from a seed: mulberry32 by Ettinger, public domain. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Ranks 1 to `size`, rank `r` with a weight of `r^-exponent`. */
export function zipf(random: () => number, size: number, exponent: number): () => number {
  const cumulative: number[] = []
  let sum = 0
  for (let rank = 1; rank <= size; rank++) {
    sum += rank ** -exponent
    cumulative.push(sum)
  }
  return () => {
    const drawn = random() * sum
    let [low, high] = [0, size - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulative[middle]! < drawn) low = middle + 1
      else high = middle
    }
    return low + 1
  }
}

/** `e` to a normally distributed power, by Box and Muller. */
export function lognormal(random: () => number, mean: number, deviation: number): () => number {
  return () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.exp(mean + deviation * normal)
  }
}
