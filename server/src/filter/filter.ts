import { compileFilter, type FilterableEvent } from './compile.ts'
import type { Expression, Operand } from './expression.ts'
import { parseFilter } from './parser.ts'
import { printFilter } from './print.ts'

/** A condition on events, written by a subscriber. */
export interface Filter {
  /** The same for filters that differ only in spaces, quotes and needless parentheses. */
  readonly text: string
  /** Its conditions: what one event costs at most. */
  readonly terms: number
  /** The fields of the data that it reads, name by name. */
  readonly fields: readonly (readonly string[])[]
  matches(event: FilterableEvent): boolean
}

/** @throws FilterError */
export function openFilter(source: string): Filter {
  const expression = parseFilter(source)
  return {
    text: printFilter(expression),
    terms: termsOf(expression),
    fields: fieldsOf(expression),
    matches: compileFilter(expression),
  }
}

function termsOf(expression: Expression): number {
  switch (expression.kind) {
    case 'or':
    case 'and':
      return expression.terms.reduce((sum, term) => sum + termsOf(term), 0)
    case 'not':
      return termsOf(expression.term)
    default:
      return 1
  }
}

function fieldsOf(expression: Expression): (readonly string[])[] {
  switch (expression.kind) {
    case 'or':
    case 'and':
      return expression.terms.flatMap(fieldsOf)
    case 'not':
      return fieldsOf(expression.term)
    case 'compare':
      return [...namesIn(expression.left), ...namesIn(expression.right)]
    default:
      return namesIn(expression.field)
  }
}

function namesIn(operand: Operand): (readonly string[])[] {
  return operand.kind === 'field' && operand.root === 'data' ? [operand.names] : []
}

/** The refusal of a filter that reads fields hidden from its sender. */
export function noSuchField(names: readonly string[]): string {
  return `there is no field data.${names.join('.')} to filter by`
}
