import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AggregateSpec } from '../../src/config/contract/model.ts'
import { AggregateSet, inputCheck } from '../../src/operators/index.ts'

const specs: readonly AggregateSpec[] = [
  ...(['sum', 'avg', 'min', 'max', 'stddev', 'rate', 'timeWeightedAvg'] as const).map((fn) => ({ fn, field: 'v' })),
  ...(['first', 'last', 'distinct', 'list'] as const).map((fn) => ({ fn, field: 'v' })),
  { fn: 'count' },
  { fn: 'quantiles', field: 'v', at: [0.5, 0.99] },
  { fn: 'topK', field: 'v', k: 3 },
  { fn: 'topK', field: 'v', k: 3, by: 'w' },
]

const odd = fc.constantFrom(
  null,
  undefined,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e308,
  -1e308,
  1e100,
  'text',
  true,
  {},
  [],
)
const value = fc.oneof(odd, fc.double(), fc.jsonValue())
const data = fc.oneof(
  fc.constantFrom(null, undefined, 5, 'text'),
  fc.record({ v: value, w: value }, { requiredKeys: [] }),
)

function holdsNull(found: unknown): boolean {
  if (found === null || found === undefined) return true
  return typeof found === 'object' && Object.values(found).some(holdsNull)
}

describe('input check', () => {
  it.each(specs)('O-AGG-16 lets $fn nothing pass of which a result would hold null', (spec) => {
    const check = inputCheck({ a: spec })
    const added = fc.array(fc.tuple(data, fc.nat(1_000)), { maxLength: 20 })
    fc.assert(
      fc.property(added, (samples) => {
        const set = new AggregateSet({ a: spec })
        const state = set.create()
        let count = 0
        for (const [each, time] of samples) {
          try {
            check(each)
          } catch {
            continue
          }
          set.add(state, each, time)
          count++
        }
        if (count > 0) expect(holdsNull(JSON.parse(JSON.stringify(set.result(state))))).toBe(false)
      }),
    )
  })

  it.each<[unknown, string]>([
    [{ v: 'x' }, 'aggregate mean: avg needs a number of at most 1e+100 either way at v, not a value of type string'],
    [{ v: 1 }, 'aggregate names: topK needs a string, number or boolean at n.name, not nothing'],
    [{ v: Number.NaN }, 'aggregate mean: avg needs a number of at most 1e+100 either way at v, not NaN'],
    [{ v: -1e101 }, 'aggregate mean: avg needs a number of at most 1e+100 either way at v, not -1e+101'],
    [null, 'aggregate mean: avg needs a number of at most 1e+100 either way at v, not nothing'],
  ])('O-AGG-16 says what is wrong with %j', (each, problem) => {
    const check = inputCheck({
      mean: { fn: 'avg', field: 'v' },
      total: { fn: 'sum', field: 'v' },
      names: { fn: 'topK', field: 'n.name', k: 1 },
    })
    expect(() => check(each)).toThrow(problem)
    expect(() => check({ v: -1e100, n: { name: '' } })).not.toThrow()
  })
})
