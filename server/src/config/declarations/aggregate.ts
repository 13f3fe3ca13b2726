import type { CustomAggregate } from '../contract/custom-aggregate.ts'
import type { FieldPath, FieldValue } from './field-path.ts'

/** Of a field that always holds a number. */
type NumberFunction = 'sum' | 'avg' | 'min' | 'max' | 'stddev' | 'rate' | 'timeWeightedAvg'

/** Of a field that always holds a string, number or boolean. */
type ScalarFunction = 'first' | 'last' | 'distinct' | 'list'

type Scalar = string | number | boolean
type Option = NumberFunction | ScalarFunction | 'quantiles' | 'at' | 'topK' | 'k' | 'by' | 'custom'

type Only<Given extends Option, Options> = Options & { readonly [Other in Exclude<Option, Given>]?: never }

type FieldAggregate<Fn extends Option, Path> = { [Named in Fn]: Only<Named, { readonly [Of in Named]: Path }> }[Fn]

type Quantiles<Path> = Only<
  'quantiles' | 'at',
  {
    readonly quantiles: Path
    /** Each between 0 and 1: `[0.5, 0.99]` gives `{ p50, p99 }`. */
    readonly at: readonly number[]
  }
>

type TopK<Path, Weight> = Only<
  'topK' | 'k' | 'by',
  {
    readonly topK: Path
    /** How many values to name, at most. */
    readonly k: number
    /** Field whose sum ranks the values; absent: the number of events. */
    readonly by?: Weight
  }
>

// biome-ignore lint/suspicious/noExplicitAny: state and result are the custom aggregate's own affair
type Custom<Data> = Only<'custom', { readonly custom: CustomAggregate<Data, any, any> }>

/**
 * `'count'`, or exactly one function of a field: `{ avg: 'temperature' }`, `{ quantiles: 'ms', at: [0.5, 0.99] }`,
 * `{ topK: 'item', k: 5 }`, or one of your own by `custom()`.
 */
export type Aggregate<Data> =
  | 'count'
  | FieldAggregate<NumberFunction, FieldPath<Data, number>>
  | FieldAggregate<ScalarFunction, FieldPath<Data, Scalar>>
  | Quantiles<FieldPath<Data, number>>
  | TopK<FieldPath<Data, Scalar>, FieldPath<Data, number>>
  | Custom<Data>

/** Pane field -> aggregate. */
export type Aggregates<Data> = Readonly<Record<string, Aggregate<Data>>>

/** The value of a pane: a pane holds at least one event, so every aggregate has a result. */
export type PaneValue<Data, Aggregated> = {
  readonly [Name in keyof Aggregated]: AggregateValue<Data, Aggregated[Name]>
}

type AggregateValue<Data, Declared> = Declared extends { readonly first: infer Path } | { readonly last: infer Path }
  ? FieldValue<Data, Path>
  : Declared extends { readonly quantiles: string; readonly at: readonly (infer Quantile)[] }
    ? { readonly [Named in Quantile & number as QuantileName<Named>]: number }
    : Declared extends { readonly topK: infer Path }
      ? readonly TopValue<FieldValue<Data, Path>>[]
      : Declared extends { readonly list: infer Path }
        ? readonly FieldValue<Data, Path>[]
        : // biome-ignore lint/suspicious/noExplicitAny: only the result is looked at
          Declared extends { readonly custom: CustomAggregate<any, any, infer Result> }
          ? Result
          : number

/** `count` is at most `error` too high. */
export interface TopValue<Value> {
  readonly value: Value
  readonly count: number
  readonly error: number
}

/** `p` and the decimals, two at least: 0.5 is `p50`, 0.99 `p99`, 0.999 `p999`. */
export type QuantileName<Quantile extends number> = number extends Quantile
  ? `p${number}`
  : `${Quantile}` extends `0.${infer Decimals}`
    ? Decimals extends `${string}${infer Second}`
      ? Second extends ''
        ? `p${Decimals}0`
        : `p${Decimals}`
      : never
    : never
