import { TopicProblem } from './config-error.ts'
import type { AggregateSpec } from './model.ts'

const FIELD_FUNCTIONS = ['sum', 'avg', 'min', 'max'] as const
type FieldFunction = (typeof FIELD_FUNCTIONS)[number]

/** Names of the fields of `Data` that always hold a number. */
export type NumberField<Data> = { [Field in keyof Data]-?: Data[Field] extends number ? Field : never }[keyof Data] &
  string

/** Names of the fields of `Data` that always hold a string. */
export type StringField<Data> = { [Field in keyof Data]-?: Data[Field] extends string ? Field : never }[keyof Data] &
  string

/** `'count'`, or exactly one function of a numeric field: `{ avg: 'temperature' }`. */
export type Aggregate<Data> =
  | 'count'
  | {
      [Fn in FieldFunction]: { readonly [Named in Fn]: NumberField<Data> } & {
        readonly [Other in Exclude<FieldFunction, Fn>]?: never
      }
    }[FieldFunction]

/** Pane field -> aggregate. */
export type Aggregates<Data> = Readonly<Record<string, Aggregate<Data>>>

/** The value of a pane. A pane holds at least one event, so every aggregate has a number. */
export type PaneValue<Aggregated> = { readonly [Field in keyof Aggregated]: number }

/** Checks the declared aggregates and turns them into plain data, in declaration order. */
export function aggregateSpecs(
  declared: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, AggregateSpec>> {
  const entries = Object.entries(declared ?? {}).map(
    ([name, aggregate]) => [name, aggregateSpec(name, aggregate)] as const,
  )
  if (entries.length === 0) throw new TopicProblem('bad_aggregate', 'aggregate names nothing to compute')
  return Object.fromEntries(entries)
}

function aggregateSpec(name: string, declared: unknown): AggregateSpec {
  if (declared === 'count') return { fn: 'count' }
  if (typeof declared === 'object' && declared !== null) {
    const [entry, ...more] = Object.entries(declared)
    const fn = FIELD_FUNCTIONS.find((known) => known === entry?.[0])
    const field: unknown = entry?.[1]
    if (fn !== undefined && more.length === 0 && typeof field === 'string') return { fn, field }
  }
  throw new TopicProblem(
    'bad_aggregate',
    `aggregate ${name} is ${JSON.stringify(declared)}; write 'count' or one of sum, avg, min, max of a field: { avg: 'temperature' }`,
  )
}
