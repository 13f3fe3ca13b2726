import { LIMITS } from '@tidegate/protocol'
import fc from 'fast-check'
import type { FilterableEvent } from '../../src/filter/compile.ts'
import { COMPARISONS, type Expression, type FieldPath, type Operand, type Scalar } from '../../src/filter/expression.ts'

/** Few names and values, so that expressions and events often speak of the same. */
const name = fc.constantFrom('a', 'b', 'constructor', '__proto__', 'odd name', 'in', 'true', 'has', '"', '0')
export const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(0, 1, 2, -1.5, 1e21, '', 'a', 'ab', 'b', '1', true, false, null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const field: fc.Arbitrary<FieldPath> = fc.oneof(
  fc.constantFrom('id', 'key', 'time', 'source').map((root) => ({ kind: 'field', root, names: [] }) as const),
  fc.array(name, { maxLength: 3 }).map((names) => ({ kind: 'field', root: 'data', names }) as const),
)
const operand: fc.Arbitrary<Operand> = fc.oneof(
  field,
  scalar.map((value) => ({ kind: 'literal', value }) as const),
)

/** Expressions as the parser can build them, well inside the limits. */
export const expression: fc.Arbitrary<Expression> = fc.letrec<{ any: Expression; chain: Expression }>((tie) => {
  const terms = fc.array(tie('any'), { minLength: 2, maxLength: 3 })
  return {
    chain: fc.oneof(
      fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), terms }),
      fc.record({ kind: fc.constant('not' as const), term: tie('any') }),
    ),
    any: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.record({
        kind: fc.constant('compare' as const),
        operator: fc.constantFrom(...COMPARISONS),
        left: operand,
        right: operand,
      }),
      fc.record({ kind: fc.constant('in' as const), field, values: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
      fc.record({ kind: fc.constant('has' as const), field }),
      fc.record({ kind: fc.constant('startsWith' as const), field, prefix: fc.constantFrom('', 'a', 'ab', 'x') }),
      tie('chain'),
    ),
  }
}).any

export function termsOf(of: Expression): number {
  if (of.kind === 'not') return termsOf(of.term)
  return 'terms' in of ? of.terms.reduce((sum, term) => sum + termsOf(term), 0) : 1
}

export const fitting = expression.filter((each) => termsOf(each) <= LIMITS.filterTerms)

const value: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(scalar, { maxLength: 2 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((entries) =>
      // As JSON.parse builds it: `__proto__` is a field like any other.
      JSON.parse(`{${entries.map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each)}`).join()}}`),
    ),
  ),
})).value

export const event: fc.Arbitrary<FilterableEvent> = fc.record({
  id: fc.constantFrom('a', 'ab'),
  key: fc.constantFrom('a', 'b', ''),
  time: fc.constantFrom(0, 1, 2),
  source: fc.constantFrom('a', undefined),
  data: value,
})
