import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { comparePositions, compareStreamIds, formatPosition, type Position, parsePosition } from '../src/index.ts'

const MAX_MS = 9_999_999_999_999

const position: fc.Arbitrary<Position> = fc.record({
  partition: fc.nat({ max: 9_999 }),
  epoch: fc.stringMatching(/^[0-9a-z]{1,16}$/),
  streamId: fc.tuple(fc.nat({ max: MAX_MS }), fc.nat()).map(([ms, sequence]) => `${ms}-${sequence}`),
  index: fc.nat({ max: 999_999 }),
})

describe('position', () => {
  test('P-POSITION-1 parse - reads the parts', () => {
    expect(parsePosition('3@1/1732350000123-0.41')).toEqual({
      partition: 3,
      epoch: '1',
      streamId: '1732350000123-0',
      index: 41,
    })
  })

  test('P-POSITION-1 format - parses to the same', () => {
    fc.assert(
      fc.property(position, (at) => {
        expect(parsePosition(formatPosition(at))).toEqual(at)
      }),
    )
  })

  test.each([
    '',
    '3',
    '3@1/1732350000123-0',
    '3@1/1732350000123.41',
    '3@/1-0.0',
    '@1/1-0.0',
    '3@E/1-0.0',
    '-3@1/1-0.0',
    '3@1/1-0.-1',
    '3@1/1-0.1e3',
    '3@1/1-0.1000000',
    '12345@1/1-0.0',
    '3@1/$.0',
    ' 3@1/1-0.0',
    '3@1/1-0.0 ',
    '3@1/1-0.0\n',
    '3@1/1-0.0.0',
  ])('P-POSITION-1 parse - %j is no position', (text) => {
    expect(parsePosition(text)).toBeUndefined()
  })

  test('P-POSITION-2 compareStreamIds - both numbers as numbers', () => {
    const ids = ['10-0', '9-5', '9-10', '9-9', '100-0', '0-0']
    expect(ids.sort(compareStreamIds)).toEqual(['0-0', '9-5', '9-9', '9-10', '10-0', '100-0'])
  })

  test('P-POSITION-2 compareStreamIds - as the numbers are, of as many digits or not, and beyond 2^53', () => {
    const digits = fc.oneof(fc.bigInt(0n, 120n), fc.bigInt(2n ** 60n, 2n ** 60n + 20n))
    const id = fc.tuple(fc.oneof(fc.bigInt(0n, 120n), fc.bigInt(1_795_902_284_100n, 1_795_902_284_110n)), digits)
    fc.assert(
      fc.property(id, id, ([msA, seqA], [msB, seqB]) => {
        const order = msA === msB ? seqA - seqB : msA - msB
        expect(Math.sign(compareStreamIds(`${msA}-${seqA}`, `${msB}-${seqB}`))).toBe(
          order === 0n ? 0 : order < 0n ? -1 : 1,
        )
      }),
    )
  })

  test('P-POSITION-2 compare - by stream id, then index; a total order', () => {
    const small = fc.record({
      partition: fc.constant(0),
      epoch: fc.constant('e'),
      streamId: fc.tuple(fc.nat({ max: 11 }), fc.nat({ max: 11 })).map(([ms, sequence]) => `${ms}-${sequence}`),
      index: fc.nat({ max: 11 }),
    })
    const rank = ({ streamId, index }: Position) => {
      const [ms, sequence] = streamId.split('-').map(Number)
      return (ms! * 100 + sequence!) * 100 + index
    }
    fc.assert(
      fc.property(small, small, (a, b) => {
        expect(Math.sign(comparePositions(a, b))).toBe(Math.sign(rank(a) - rank(b)))
      }),
    )
  })
})
