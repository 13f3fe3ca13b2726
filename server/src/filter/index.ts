export type { FilterableEvent } from './compile.ts'
export { type Filter, noSuchField, openFilter } from './filter.ts'
export { FilterError } from './filter-error.ts'
