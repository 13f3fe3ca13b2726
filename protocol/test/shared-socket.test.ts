import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatShared, parseShared, type SharedMessage } from '../src/index.ts'

const client = fc.integer({ min: 0, max: 999_999_999 })
const message: fc.Arbitrary<SharedMessage> = fc.oneof(
  fc.record({ kind: fc.constant('open' as const), client }),
  fc.record({ kind: fc.constant('frame' as const), client, frame: fc.string() }),
  fc.record({
    kind: fc.constant('close' as const),
    client,
    code: fc.integer({ min: 1_000, max: 4_999 }),
    reason: fc.string().map((text) => text.trim()),
  }),
)

test('P-SHARED-1 shared message - a formatted one parses to the same one', () => {
  fc.assert(
    fc.property(message, (one) => {
      expect(parseShared(formatShared(one))).toEqual(one)
    }),
  )
  expect(parseShared('7-')).toEqual({ kind: 'close', client: 7, code: 1_005, reason: '' })
})

test('P-SHARED-1 shared message - nothing else parses', () => {
  const texts = ['', '1', '+', '-1+', '01+', '1+x', '1.5+', '1234567890+', '1-x', '1-12', '{"type":"hello"}', ' 1+']
  expect(texts.filter((text) => parseShared(text) !== undefined)).toEqual([])
})
