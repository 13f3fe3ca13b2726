import type { z } from 'zod'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** Tells whether every value that fits an object schema has a field, and it is always a string or always a number. */
export function alwaysHas(schema: JsonSchema, field: string, type: 'string' | 'number'): boolean {
  const variants = schema.oneOf ?? schema.anyOf
  if (variants !== undefined) return variants.every((variant) => alwaysHas(variant as JsonSchema, field, type))
  if (schema.allOf?.some((part) => alwaysHas(part as JsonSchema, field, type))) return true
  const property = schema.properties?.[field]
  return typeof property === 'object' && schema.required?.includes(field) === true && isAlways(property, type)
}

function isAlways(schema: JsonSchema, type: 'string' | 'number'): boolean {
  const variants = schema.oneOf ?? schema.anyOf
  if (variants !== undefined) return variants.every((variant) => isAlways(variant as JsonSchema, type))
  return schema.type === type || (type === 'number' && schema.type === 'integer')
}
