import type { z } from 'zod'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** What one field may hold that aggregates and keys can use. */
export type ScalarType = 'string' | 'number' | 'boolean'

/** Whether every value that fits an object schema has the field, always with one of these types. */
export function alwaysHas(schema: JsonSchema, path: readonly string[], types: readonly ScalarType[]): boolean {
  const field = fieldSchema(schema, path)
  return field !== undefined && isAlways(field, types)
}

/**
 * Schema of a field, one name of the path a level down, that every value fitting an object schema has; `undefined` when
 * one may lack it.
 */
export function fieldSchema(schema: JsonSchema, path: readonly string[]): JsonSchema | undefined {
  const variants = schema.oneOf ?? schema.anyOf
  if (variants !== undefined) {
    const found = variants.map((variant) => fieldSchema(variant as JsonSchema, path))
    return found.every((field) => field !== undefined) ? anyOf(found) : undefined
  }
  for (const part of schema.allOf ?? []) {
    const field = fieldSchema(part as JsonSchema, path)
    if (field !== undefined) return field
  }
  const [name, ...below] = path as [string, ...string[]]
  const property = schema.properties?.[name]
  if (typeof property !== 'object' || schema.required?.includes(name) !== true) return undefined
  return below.length === 0 ? property : fieldSchema(property, below)
}

/** A schema of objects that have at least these fields. */
export function objectSchema(fields: readonly (readonly [string, JsonSchema])[]): JsonSchema {
  return { type: 'object', properties: Object.fromEntries(fields), required: fields.map(([name]) => name) }
}

/** A schema of what fits any of them. */
export function anyOf(schemas: readonly JsonSchema[]): JsonSchema {
  const [only, ...more] = new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()
  return only !== undefined && more.length === 0 ? only : { anyOf: [...schemas] }
}

function isAlways(schema: JsonSchema, types: readonly ScalarType[]): boolean {
  const variants = schema.oneOf ?? schema.anyOf
  if (variants !== undefined) return variants.every((variant) => isAlways(variant as JsonSchema, types))
  if (schema.allOf?.some((part) => isAlways(part as JsonSchema, types))) return true
  const values = 'const' in schema ? [schema.const] : schema.enum
  if (values !== undefined) return values.every((value) => types.some((type) => typeof value === type))
  return types.some((type) => schema.type === type || (type === 'number' && schema.type === 'integer'))
}
