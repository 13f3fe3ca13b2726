import type { FilterableEvent } from '../../src/filter/compile.ts'
import type { Expression, FieldPath, Operand } from '../../src/filter/expression.ts'

type Found = { readonly value: unknown } | 'missing'

/** What an expression says of an event, straight from the rules. */
export function holds(of: Expression, event: FilterableEvent): boolean {
  switch (of.kind) {
    case 'and':
      return !of.terms.some((term) => !holds(term, event))
    case 'or':
      return of.terms.filter((term) => holds(term, event)).length > 0
    case 'not':
      return holds(of.term, event) === false
    case 'has':
      return find(of.field, event) !== 'missing'
    case 'startsWith': {
      const found = find(of.field, event)
      return found !== 'missing' && typeof found.value === 'string' && found.value.indexOf(of.prefix) === 0
    }
    case 'in':
      return of.values.some((value) =>
        holds({ kind: 'compare', operator: '==', left: of.field, right: { kind: 'literal', value } }, event),
      )
    case 'compare': {
      const left = operandOf(of.left, event)
      const right = operandOf(of.right, event)
      if (left === 'missing' || right === 'missing') return false
      const types = [left.value, right.value].map((value) => (value === null ? 'null' : typeof value))
      if (types.includes('object')) return false
      const sameType = types[0] === types[1]
      const a = left.value as number
      const b = right.value as number
      if (of.operator === '==') return sameType && a === b
      if (of.operator === '!=') return !sameType || a !== b
      if (!sameType || (types[0] !== 'number' && types[0] !== 'string')) return false
      return { '<': a < b, '<=': a < b || a === b, '>': a > b, '>=': a > b || a === b }[of.operator]
    }
  }
}

function operandOf(operand: Operand, event: FilterableEvent): Found {
  return operand.kind === 'literal' ? { value: operand.value } : find(operand, event)
}

function find({ root, names }: FieldPath, event: FilterableEvent): Found {
  if (event[root] === undefined) return 'missing'
  return names.reduce<Found>(
    (found, name) => {
      if (found === 'missing' || typeof found.value !== 'object' || found.value === null) return 'missing'
      if (Array.isArray(found.value)) return 'missing'
      const own = Object.entries(found.value).find(([key]) => key === name)
      return own === undefined ? 'missing' : { value: own[1] }
    },
    { value: event[root] },
  )
}
