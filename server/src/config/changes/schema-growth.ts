import { canonicalJson } from './hash.ts'

interface ObjectSchema {
  readonly properties: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
  readonly [keyword: string]: unknown
}

/**
 * Whether a JSON Schema differs from another one only by optional fields more, in the object or in one inside of it. An object
 * that takes any further field does not grow: what was stored under the name may be of any type.
 */
export function isGrowth(before: unknown, after: unknown): boolean {
  if (!isClosedObject(before) || !isClosedObject(after)) return false
  if (canonicalJson(restOf(before)) !== canonicalJson(restOf(after))) return false
  const isSame = (a: unknown, b: unknown) => canonicalJson(a) === canonicalJson(b)
  const kept = Object.entries(before.properties).every(([field, schema]) => {
    const now = after.properties[field]
    return now !== undefined && (isSame(schema, now) || isGrowth(schema, now))
  })
  return kept && !isSame(before.properties, after.properties)
}

/** All but the fields. Those that are required are the same, in whatever order. */
function restOf({ properties: _, required = [], ...rest }: ObjectSchema): object {
  return { ...rest, required: [...required].sort() }
}

function isClosedObject(schema: unknown): schema is ObjectSchema {
  if (typeof schema !== 'object' || schema === null) return false
  const { type, properties, additionalProperties = false } = schema as Record<string, unknown>
  return type === 'object' && typeof properties === 'object' && properties !== null && additionalProperties === false
}
