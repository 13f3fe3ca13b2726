/** Uniform numbers in [0, 1). */
export type Random = () => number

/**
 * sfc32, Chris Doty-Humphrey's small fast counter generator (PractRand), which unlike `Math.random` can be seeded.
 * Different streams of one seed are independent.
 */
export function createRandom(seed: number, stream: number): Random {
  let a = seed | 0
  let b = stream | 0
  let c = 0x9e3779b9 | 0
  let counter = 1
  const next = (): number => {
    const out = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + out) | 0
    return (out >>> 0) / 2 ** 32
  }
  // The author's own count of rounds after which similar seeds have nothing in common.
  for (let round = 0; round < 12; round++) next()
  return next
}

export function uniform(random: Random, min: number, max: number): number {
  return min + (max - min) * random()
}

/** Time between arrivals of a Poisson process. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random())
}

/** Standard normal deviate by Box and Muller. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

export function logNormal(random: Random, median: number, sigma: number): number {
  return median * Math.exp(sigma * normal(random))
}
