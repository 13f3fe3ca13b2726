import { compileFilter, type FilterableEvent } from './compile.ts'
import type { Expression } from './expression.ts'
import { parseFilter } from './parser.ts'
import { printFilter } from './print.ts'

/** A condition on events, written by a subscriber. */
export interface Filter {
  /** The same for filters that differ only in spaces, quotes and needless parentheses. */
  readonly text: string
  /** Its conditions: what one event costs at most. */
  readonly terms: number
  matches(event: FilterableEvent): boolean
}

/** @throws FilterError */
export function openFilter(source: string): Filter {
  const expression = parseFilter(source)
  return { text: printFilter(expression), terms: termsOf(expression), matches: compileFilter(expression) }
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
