import { compileFilter, type FilterableEvent } from './compile.ts'
import { parseFilter } from './parser.ts'
import { printFilter } from './print.ts'

/** A condition on events, written by a subscriber. */
export interface Filter {
  /** The same for filters that differ only in spaces, quotes and needless parentheses. */
  readonly text: string
  matches(event: FilterableEvent): boolean
}

/** @throws FilterError */
export function openFilter(source: string): Filter {
  const expression = parseFilter(source)
  return { text: printFilter(expression), matches: compileFilter(expression) }
}
