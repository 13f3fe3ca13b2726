import fc from 'fast-check'
import { describeConformance } from './conformance.ts'
import { spread } from './spread.ts'

/** Multiples of 1/64: their sums are exact in any order. */
const number = fc.integer({ min: -1_000, max: 1_000 }).map((n) => n / 64)
const numbers = number.map((v) => ({ v }))
const scalar = fc.oneof(
  number,
  fc.boolean(),
  fc.string({ unit: 'binary', maxLength: 2 }),
  fc.constantFrom(';', '|\n', '1'),
)
const scalars = scalar.map((v) => ({ v }))

describeConformance('count', { spec: { fn: 'count' }, data: numbers, isUnversioned: true })
for (const fn of ['sum', 'avg', 'min', 'max'] as const) {
  describeConformance(fn, { spec: { fn, field: 'v' }, data: numbers, isUnversioned: true })
}
describeConformance('stddev', {
  spec: { fn: 'stddev', field: 'v' },
  data: numbers,
  isUnversioned: true,
  // Of values up to 16.
  tolerance: 16e-12,
})
for (const fn of ['rate', 'timeWeightedAvg'] as const) {
  describeConformance(fn, { spec: { fn, field: 'v' }, data: numbers })
}
for (const fn of ['first', 'last', 'distinct', 'list'] as const) {
  describeConformance(fn, { spec: { fn, field: 'v' }, data: scalars })
}
describeConformance('quantiles', { spec: { fn: 'quantiles', field: 'v', at: [0.01, 0.5, 0.99] }, data: numbers })
describeConformance('topK', { spec: { fn: 'topK', field: 'v', k: 3 }, data: scalars })
describeConformance('topK by weight', {
  spec: { fn: 'topK', field: 'v', k: 3, by: 'weight' },
  data: fc.record({ v: scalar, weight: number }),
})
describeConformance('custom', { spec: { fn: 'custom', version: 7, aggregate: spread }, data: numbers })
