import { assertNever } from '../../assert-never.ts'
import type { AggregateSpec, WindowSpec } from '../contract/model.ts'
import { quantileName } from '../contract/quantile-name.ts'
import { type JsonSchema, objectSchema, type ScalarType } from '../schema/json-schema.ts'
import type { InputSchema } from '../topics/input-schema.ts'
import { inputField } from './input-field.ts'

const NUMBER: JsonSchema = { type: 'number' }
const SCALARS = ['string', 'number', 'boolean'] as const satisfies readonly ScalarType[]

/**
 * Schema of the `value` of a window's panes.
 *
 * @throws {TopicProblem} `bad_aggregate` for a field that some event may lack or hold as another type.
 */
export function valueSchema(spec: WindowSpec, inputs: readonly InputSchema[]): JsonSchema {
  return objectSchema(
    Object.entries(spec.aggregate).map(([name, aggregate]) => [name, resultSchema(name, aggregate, inputs)]),
  )
}

function resultSchema(name: string, spec: AggregateSpec, inputs: readonly InputSchema[]): JsonSchema {
  const field = (path: string, types: readonly ScalarType[]) =>
    inputField(inputs, path, types, 'bad_aggregate', `aggregate ${name}: ${spec.fn}`)
  switch (spec.fn) {
    case 'count':
      return NUMBER
    case 'sum':
    case 'avg':
    case 'min':
    case 'max':
    case 'stddev':
    case 'rate':
    case 'timeWeightedAvg':
      field(spec.field, ['number'])
      return NUMBER
    case 'distinct':
      field(spec.field, SCALARS)
      return NUMBER
    case 'first':
    case 'last':
      return field(spec.field, SCALARS)
    case 'list':
      return list(field(spec.field, SCALARS))
    case 'quantiles':
      field(spec.field, ['number'])
      return objectSchema(spec.at.map((quantile) => [quantileName(quantile), NUMBER]))
    case 'topK': {
      if (spec.by !== undefined) field(spec.by, ['number'])
      const value = field(spec.field, SCALARS)
      return list(
        objectSchema([
          ['value', value],
          ['count', NUMBER],
          ['error', NUMBER],
        ]),
      )
    }
    case 'custom':
      return {}
    default:
      return assertNever(spec)
  }
}

function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items, readOnly: true }
}
