import { assertNever } from '../assert-never.ts'
import type { Expression, FieldPath, Operand } from './expression.ts'

const PLAIN_NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/

/** The text of an expression: parsed again it is the same, and expressions that are the same have the same text. */
export function printFilter(expression: Expression): string {
  switch (expression.kind) {
    case 'or':
      return expression.terms.map((term) => (term.kind === 'or' ? group(term) : printFilter(term))).join(' || ')
    case 'and':
      return expression.terms
        .map((term) => (term.kind === 'or' || term.kind === 'and' ? group(term) : printFilter(term)))
        .join(' && ')
    case 'not': {
      const { term } = expression
      const bare = term.kind === 'not' || term.kind === 'has' || term.kind === 'startsWith'
      return `!${bare ? printFilter(term) : group(term)}`
    }
    case 'compare':
      return `${printOperand(expression.left)} ${expression.operator} ${printOperand(expression.right)}`
    case 'in':
      return `${printField(expression.field)} in [${expression.values.map((value) => JSON.stringify(value)).join(', ')}]`
    case 'has':
      return `has(${printField(expression.field)})`
    case 'startsWith':
      return `startsWith(${printField(expression.field)}, ${JSON.stringify(expression.prefix)})`
    default:
      return assertNever(expression)
  }
}

function group(expression: Expression): string {
  return `(${printFilter(expression)})`
}

function printOperand(operand: Operand): string {
  return operand.kind === 'field' ? printField(operand) : JSON.stringify(operand.value)
}

function printField({ root, names }: FieldPath): string {
  return root + names.map((name) => (PLAIN_NAME.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`)).join('')
}
