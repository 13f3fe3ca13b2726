/** A place in an event: one of its own fields, or a field below `data`, step by step. */
export interface FieldPath {
  readonly kind: 'field'
  readonly root: Root
  /** Names below the root; only `data` has any. */
  readonly names: readonly string[]
}

export const ROOTS = ['id', 'key', 'time', 'source', 'data'] as const
export type Root = (typeof ROOTS)[number]

export type Scalar = string | number | boolean | null

export interface Literal {
  readonly kind: 'literal'
  readonly value: Scalar
}

export type Operand = FieldPath | Literal

export const COMPARISONS = ['==', '!=', '<=', '>=', '<', '>'] as const
export type Comparison = (typeof COMPARISONS)[number]

/** The meaning of a filter, as the parser understood it. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Expression[] }
  | { readonly kind: 'not'; readonly term: Expression }
  | {
      readonly kind: 'compare'
      readonly operator: Comparison
      readonly left: Operand
      readonly right: Operand
    }
  | { readonly kind: 'in'; readonly field: FieldPath; readonly values: readonly Scalar[] }
  | { readonly kind: 'has'; readonly field: FieldPath }
  | { readonly kind: 'startsWith'; readonly field: FieldPath; readonly prefix: string }
