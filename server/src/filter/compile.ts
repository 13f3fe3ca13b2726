import { assertNever } from '../assert-never.ts'
import type { Comparison, Expression, FieldPath, Operand, Scalar } from './expression.ts'

/**
 * An event as filters see it. Fields may be getters: a filter reads only those it needs, and stops at the first that
 * decides.
 */
export interface FilterableEvent {
  readonly id: unknown
  readonly key: unknown
  readonly time: unknown
  readonly source: unknown
  readonly data: unknown
}

export type Predicate = (event: FilterableEvent) => boolean
type Read = (event: FilterableEvent) => unknown

/** Turns an expression into closures. What they return never throws, whatever the event holds. */
export function compileFilter(expression: Expression): Predicate {
  switch (expression.kind) {
    case 'or': {
      const terms = expression.terms.map(compileFilter)
      return (event) => terms.some((term) => term(event))
    }
    case 'and': {
      const terms = expression.terms.map(compileFilter)
      return (event) => terms.every((term) => term(event))
    }
    case 'not': {
      const term = compileFilter(expression.term)
      return (event) => !term(event)
    }
    case 'compare':
      return compileComparison(expression.operator, compileOperand(expression.left), compileOperand(expression.right))
    case 'in': {
      const read = compileField(expression.field)
      const values = new Set<unknown>(expression.values)
      return (event) => values.has(read(event))
    }
    case 'has': {
      const read = compileField(expression.field)
      return (event) => read(event) !== undefined
    }
    case 'startsWith': {
      const read = compileField(expression.field)
      const { prefix } = expression
      return (event) => {
        const value = read(event)
        return typeof value === 'string' && value.startsWith(prefix)
      }
    }
    default:
      return assertNever(expression)
  }
}

function compileComparison(operator: Comparison, left: Read, right: Read): Predicate {
  switch (operator) {
    case '==':
      return (event) => isEqual(left(event), right(event))
    case '!=':
      return (event) => {
        const a = left(event)
        const b = right(event)
        return isScalar(a) && isScalar(b) && a !== b
      }
    case '<':
      return ordered(left, right, (a, b) => a < b)
    case '<=':
      return ordered(left, right, (a, b) => a <= b)
    case '>':
      return ordered(left, right, (a, b) => a > b)
    case '>=':
      return ordered(left, right, (a, b) => a >= b)
    default:
      return assertNever(operator)
  }
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b && isScalar(a)
}

/** Only two numbers, or two strings, have an order. */
function ordered(left: Read, right: Read, holds: <T extends number | string>(a: T, b: T) => boolean): Predicate {
  return (event) => {
    const a = left(event)
    const b = right(event)
    if (typeof a === 'number') return typeof b === 'number' && holds(a, b)
    return typeof a === 'string' && typeof b === 'string' && holds(a, b)
  }
}

/** Neither missing nor an object or array: nothing else can be compared. */
function isScalar(value: unknown): value is Scalar {
  return value === null || (typeof value !== 'object' && value !== undefined)
}

function compileOperand(operand: Operand): Read {
  if (operand.kind === 'field') return compileField(operand)
  const { value } = operand
  return () => value
}

function compileField({ root, names }: FieldPath): Read {
  if (root !== 'data') return (event) => event[root]
  return (event) => {
    let value = event.data
    for (const name of names) {
      // Own fields only: inherited ones are no part of an event. Arrays are not entered.
      if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
        return undefined
      }
      value = (value as Readonly<Record<string, unknown>>)[name]
    }
    return value
  }
}
