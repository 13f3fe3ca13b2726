import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Duration, MAX_DURATION_MS, parseDuration } from '../../src/config/duration.ts'

describe('duration', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['-6h', -21_600_000],
  ])('K-DUR-1 parseDuration - %s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '10', 's', '10 s', '1.5s', '1e3s', '010s', '0x10s', '+5s', '--5s', '10S', '10sec', ' 10s', '10s\n'])(
    'K-DUR-1 parseDuration - %j is refused',
    (text) => {
      expect(() => parseDuration(text)).toThrow(RangeError)
    },
  )

  test('K-DUR-1 parseDuration - what is not text is refused', () => {
    for (const value of [10, null, undefined, {}]) expect(() => parseDuration(value as never)).toThrow(RangeError)
  })

  test('K-DUR-2 parseDuration - at most ten years either way', () => {
    expect(parseDuration('3650d')).toBe(MAX_DURATION_MS)
    expect(() => parseDuration('3651d')).toThrow(/ten years/)
    expect(() => parseDuration('-3651d')).toThrow(/ten years/)
    expect(() => parseDuration('999999999999d')).toThrow(/ten years/)
  })

  test('K-DUR-1 parseDuration - n of a unit is n times one of it', () => {
    const unit = fc.constantFrom('ms', 's', 'm', 'h', 'd')
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_650 }), unit, (n, u) => {
        expect(parseDuration(`${n}${u}` as Duration)).toBe(n * parseDuration(`1${u}` as Duration))
      }),
    )
  })
})
