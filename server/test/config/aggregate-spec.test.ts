import { describe, expect, test } from 'vitest'
import { problems, resolve, resolved, windowWith } from './support.ts'

const mine = {
  version: 2,
  init: () => 0,
  add: (state: number) => state + 1,
  merge: (into: number, from: number) => into + from,
  result: (state: number) => state,
  encode: String,
  decode: Number,
}

function windowOn(x: unknown) {
  const { spec, valueSchema } = resolved({ tumbling: '1s', aggregate: { x } })
  return { spec: spec.aggregate.x, schema: (valueSchema as { properties: { x: unknown } }).properties.x }
}

const number = { type: 'number' }

describe('aggregates', () => {
  test.each(['sum', 'avg', 'min', 'max', 'stddev', 'rate', 'timeWeightedAvg'])(
    'K-CHECK-8 %s - of a number gives a number',
    (fn) => {
      expect(windowOn({ [fn]: 'n' })).toEqual({ spec: { fn, field: 'n' }, schema: number })
      expect(windowOn({ [fn]: 'at.x' })).toEqual({ spec: { fn, field: 'at.x' }, schema: number })
    },
  )

  test('K-CHECK-8 count, distinct - give a number', () => {
    expect(windowOn('count')).toEqual({ spec: { fn: 'count' }, schema: number })
    expect(windowOn({ distinct: 'ok' })).toEqual({ spec: { fn: 'distinct', field: 'ok' }, schema: number })
  })

  test('K-CHECK-8 first, last, list - give what the field holds', () => {
    expect(windowOn({ first: 'ok' })).toEqual({ spec: { fn: 'first', field: 'ok' }, schema: { type: 'boolean' } })
    expect(windowOn({ last: 'site' }).schema).toEqual({ type: 'string', enum: ['north', 'south'] })
    expect(windowOn({ list: 'id' }).schema).toEqual({ type: 'array', items: { type: 'string' }, readOnly: true })
  })

  test('K-CHECK-8 K-WINDOW-6 quantiles - are named by their decimals', () => {
    const { spec, schema } = windowOn({ quantiles: 'n', at: [0.5, 0.05, 0.99, 0.999] })
    expect(spec).toEqual({ fn: 'quantiles', field: 'n', at: [0.5, 0.05, 0.99, 0.999] })
    expect(schema).toMatchObject({ required: ['p50', 'p05', 'p99', 'p999'] })
  })

  test('K-CHECK-8 topK - names values with count and error, ranked by a field if one is given', () => {
    const { spec, schema } = windowOn({ topK: 'id', k: 3, by: 'n' })
    expect(spec).toEqual({ fn: 'topK', field: 'id', k: 3, by: 'n' })
    expect(windowOn({ topK: 'id', k: 3 }).spec).toEqual({ fn: 'topK', field: 'id', k: 3 })
    expect(schema).toMatchObject({ items: { properties: { value: { type: 'string' }, count: number, error: number } } })
  })

  test('K-CHECK-8 custom - keeps its functions behind its version; its result is not known', () => {
    expect(windowOn({ custom: mine })).toEqual({ spec: { fn: 'custom', version: 2, aggregate: mine }, schema: {} })
  })

  test.each([
    [undefined],
    [{}],
    [{ x: 'sum' }],
    [{ x: {} }],
    [{ x: null }],
    [{ x: { median: 'n' } }],
    [{ x: { min: 'n', max: 'n' } }],
    [{ x: { sum: 'n', at: [0.5] } }],
    [{ x: { sum: 'id' } }],
    [{ x: { sum: 'nope' } }],
    [{ x: { sum: 'at' } }],
    [{ x: { sum: 'at.label' } }],
    [{ x: { sum: 1 } }],
    [{ x: { first: 'note' } }],
    [{ x: { distinct: 'tags' } }],
    [{ x: { last: 'at' } }],
    [{ x: { quantiles: 'n' } }],
    [{ x: { quantiles: 'id', at: [0.5] } }],
    [{ x: { quantiles: 'n', at: [] } }],
    [{ x: { quantiles: 'n', at: [0] } }],
    [{ x: { quantiles: 'n', at: [1] } }],
    [{ x: { quantiles: 'n', at: [0.5, 0.5] } }],
    [{ x: { quantiles: 'n', at: [50] } }],
    [{ x: { quantiles: 'n', at: [1e-7] } }],
    [{ x: { quantiles: 'n', at: 0.5 } }],
    [{ x: { topK: 'id' } }],
    [{ x: { topK: 'id', k: 0 } }],
    [{ x: { topK: 'id', k: 101 } }],
    [{ x: { topK: 'id', k: 3, by: 'site' } }],
    [{ x: { topK: 'tags', k: 3 } }],
    [{ x: { custom: {} } }],
    [{ x: { custom: { ...mine, merge: undefined } } }],
  ])('K-CHECK-8 window - aggregate %j is refused', (bad) => {
    expect(problems(...windowWith({ tumbling: '10s', aggregate: bad }))).toEqual(['w: bad_aggregate'])
  })

  test('K-CHECK-9 custom - without a version is refused, by its name', () => {
    const topics = windowWith({ tumbling: '10s', aggregate: { spread: { custom: { ...mine, version: undefined } } } })
    expect(() => resolve(...topics)).toThrow(/w: aggregate spread: custom\.version must be a whole number/)
    expect(problems(...topics)).toEqual(['w: bad_version'])
  })
})
