import { type ProblemCode, TopicProblem } from '../config-error.ts'
import { pathNames } from '../declarations/field-path.ts'
import { alwaysHas, anyOf, fieldSchema, type JsonSchema, type ScalarType } from '../schema/json-schema.ts'
import type { InputSchema } from '../topics/input-schema.ts'

/**
 * What a field holds in the events of all inputs; any value where that is not known.
 *
 * @throws {TopicProblem} with the given code when it is known that an event may lack it or hold another type.
 */
export function inputField(
  inputs: readonly InputSchema[],
  path: string,
  types: readonly ScalarType[],
  code: ProblemCode,
  user: string,
): JsonSchema {
  const names = pathNames(path)
  const fields = inputs.map((input) => {
    if (input === undefined) return undefined
    if (alwaysHas(input.schema, names, types)) return fieldSchema(input.schema, names)
    if (input.isNarrowed) return undefined
    const type = types.length === 1 ? `a ${types[0]}` : `one of ${types.join(', ')}`
    throw new TopicProblem(
      code,
      `${user} of ${JSON.stringify(path)}: the input has no field there that always holds ${type}`,
    )
  })
  return fields.every((field) => field !== undefined) ? anyOf(fields) : {}
}
