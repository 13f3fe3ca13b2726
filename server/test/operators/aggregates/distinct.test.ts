import { describe, expect, test } from 'vitest'
import { fold, mergedParts, resultOf, setOf } from './fold.ts'
import { randomFrom, zipf } from './numbers.ts'

const spec = { fn: 'distinct', field: 'v' } as const
const set = setOf(spec)
const STANDARD_ERROR = 1.04 / Math.sqrt(4_096)

function count(state: ReturnType<typeof set.create>): number {
  return set.result(state).a as number
}

describe('distinct', () => {
  test('O-AGG-10 up to 256 values - counts exactly, and tells strings, numbers and booleans apart', () => {
    const values = Array.from({ length: 253 }, (_, n) => n)
    expect(resultOf(spec, [...values, ...values, '1', 'true', true])).toBe(256)
    expect(resultOf(spec, [1, 1.0, '1', 'a', 'a\0', 'a\0\0', 'ab', 'ba', '', null, 'null'])).toBe(10)
  })

  test.each([300, 3_000, 10_000, 100_000])(
    'O-AGG-10 %i values - the estimate is within four standard errors',
    (size) => {
      const values = Array.from({ length: size }, (_, n) => `user-${n}`)
      const estimate = count(fold(set, values))
      expect(Math.abs(estimate / size - 1)).toBeLessThan(4 * STANDARD_ERROR)
      expect(count(mergedParts(set, 7, [...values, ...values]))).toBe(estimate)
    },
  )

  test('O-AGG-10 many estimates - their standard error is what is stated, and none of it is bias', () => {
    const errors: number[] = []
    for (const size of [500, 2_000, 8_000, 12_000]) {
      for (let run = 0; run < 25; run++) {
        errors.push(
          count(
            fold(
              set,
              Array.from({ length: size }, (_, n) => `${run}/${n}`),
            ),
          ) /
            size -
            1,
        )
      }
    }
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
    const meanSquare = errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length
    expect(Math.sqrt(meanSquare)).toBeLessThan(1.15 * STANDARD_ERROR)
    expect(Math.abs(mean)).toBeLessThan(3 * (STANDARD_ERROR / Math.sqrt(errors.length)))
  })

  test('O-AGG-10 skewed values in parts - the estimate is that of one state over all', () => {
    const draw = zipf(randomFrom(3), 50_000, 1.1)
    const values = Array.from({ length: 100_000 }, draw)
    const exact = new Set(values).size
    const merged = count(mergedParts(set, 8, values))
    expect(merged).toBe(count(fold(set, values)))
    expect(Math.abs(merged / exact - 1)).toBeLessThan(4 * STANDARD_ERROR)
  })

  test('O-AGG-10 the state of many values - is bounded', () => {
    expect(
      set.encode(
        fold(
          set,
          Array.from({ length: 20_000 }, (_, n) => n),
        ),
      ).length,
    ).toBeLessThan(4_110)
  })
})
