import { describe, expect, test } from 'vitest'
import { createRandom, exponential, logNormal, normal, uniform } from '../../src/demo/random.ts'

const DRAWS = 100_000

function draws(draw: (random: () => number) => number): number[] {
  const random = createRandom(7, 0)
  return Array.from({ length: DRAWS }, () => draw(random))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('random', () => {
  test('K-DEMO-1 createRandom - repeats for the same seed and stream only', () => {
    const first = (seed: number, stream: number) => {
      const random = createRandom(seed, stream)
      return [random(), random(), random()]
    }
    expect(first(1, 2)).toEqual(first(1, 2))
    expect(first(1, 3)).not.toEqual(first(1, 2))
    expect(first(2, 2)).not.toEqual(first(1, 2))
  })

  test('createRandom - is uniform in [0, 1)', () => {
    const values = draws((random) => random())
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThan(1)
    const tenths = new Array<number>(10).fill(0)
    for (const value of values) tenths[Math.floor(value * 10)]!++
    for (const count of tenths) expect(Math.abs(count - DRAWS / 10)).toBeLessThan(DRAWS / 200)
  })

  test('distributions - have their textbook means and spreads', () => {
    expect(mean(draws((random) => uniform(random, 5, 9)))).toBeCloseTo(7, 1)
    expect(mean(draws((random) => exponential(random, 10))) / 10).toBeCloseTo(1, 1)
    const normals = draws(normal)
    expect(mean(normals)).toBeCloseTo(0, 1)
    expect(mean(normals.map((value) => value ** 2))).toBeCloseTo(1, 1)
    const sorted = draws((random) => logNormal(random, 150, 1.5)).sort((a, b) => a - b)
    expect(sorted[DRAWS / 2]! / 150).toBeCloseTo(1, 1)
    expect(sorted.filter((amount) => amount > 1_000).length / DRAWS).toBeCloseTo(0.103, 2)
  })
})
