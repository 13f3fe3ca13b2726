import { expect, test } from 'vitest'
import { didYouMean } from '../src/did-you-mean.ts'

const NAMES = ['keys', 'where', 'maxRate', 'onSlow', 'url']

test.each([
  ['key', 'keys'],
  ['Where', 'where'],
  ['maxrate', 'maxRate'],
  ['ulr', 'url'],
  ['onslwo', 'onSlow'],
])('P-MEAN-1 %s - means %s', (written, meant) => {
  expect(didYouMean(written, NAMES)).toBe(` Did you mean "${meant}"?`)
})

test.each(['', 'keys', 'filter', 'xy', 'when it matters', '__proto__'])('P-MEAN-1 %j - is like no name', (written) => {
  expect(didYouMean(written, NAMES)).toBe('')
})
