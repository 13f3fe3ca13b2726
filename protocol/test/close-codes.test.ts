import { expect, test } from 'vitest'
import { CLOSE, closeAdvice } from '../src/index.ts'

test('P-CLOSE-1 closeAdvice - 4401 a new token, 4500-4999 stop, all others come back', () => {
  const advised = (advice: string) =>
    [1000, 1001, 1006, 1011, 3000, 3999, 4000, 4400, 4402, 4499, 4500, 4999, 4401, ...Object.values(CLOSE)].filter(
      (code) => closeAdvice(code) === advice,
    )
  expect(new Set(advised('new_token'))).toEqual(new Set([4401]))
  expect(new Set(advised('stop'))).toEqual(new Set([4500, 4501, 4502, 4503, 4999]))
  expect(new Set(advised('retry'))).toEqual(
    new Set([1000, 1001, 1006, 1011, 3000, 3999, 4000, 4400, 4402, 4499, 4001, 4002, 4008, 4029]),
  )
})
