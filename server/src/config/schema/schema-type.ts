import type { JsonSchema } from './json-schema.ts'

/** Whether a type is of values after validation, or of those that are sent to it. */
export type Side = 'read' | 'sent'

/**
 * TypeScript type of the values that a JSON Schema of what may be published leaves after validation: a field with a
 * default is always there. What has no counterpart (`$ref`, patterns) prints as the wider type, `unknown` at worst.
 */
export function schemaType(schema: JsonSchema | boolean | undefined, side: Side = 'read'): string {
  if (schema === undefined || schema === true) return 'unknown'
  if (schema === false || isEmptyNot(schema)) return 'never'
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)))
  const variants = schema.anyOf ?? schema.oneOf
  if (variants !== undefined) return union(variants.map((variant) => schemaType(variant as JsonSchema, side)))
  if (schema.allOf !== undefined) {
    return schema.allOf.map((part) => `(${schemaType(part as JsonSchema, side)})`).join(' & ')
  }
  const types: readonly (string | undefined)[] = Array.isArray(schema.type) ? schema.type : [schema.type]
  return union(types.map((type) => typeNamed(type, schema, side)))
}

function typeNamed(type: string | undefined, schema: JsonSchema, side: Side): string {
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type
    case 'number':
    case 'integer':
      return 'number'
    case 'array':
      return arrayType(schema, side)
    case 'object':
      return objectType(schema, side)
    default:
      return 'unknown'
  }
}

function arrayType({ prefixItems, items, readOnly }: JsonSchema, side: Side): string {
  const access = readOnly === true ? 'readonly ' : ''
  if (prefixItems === undefined) return `${access}(${schemaType(items as JsonSchema | undefined, side)})[]`
  const more = items === undefined ? 'never' : schemaType(items as JsonSchema, side)
  const rest = more === 'never' ? [] : [`...(${more})[]`]
  return `${access}[${[...prefixItems.map((item) => schemaType(item as JsonSchema, side)), ...rest].join(', ')}]`
}

function objectType({ properties, required, additionalProperties }: JsonSchema, side: Side): string {
  if (properties === undefined)
    return `Record<string, ${schemaType(additionalProperties as JsonSchema | undefined, side)}>`
  const fields = Object.entries(properties).map(([name, property]) => {
    const isFilled = side === 'read' && typeof property === 'object' && 'default' in property
    const present = required?.includes(name) === true || isFilled
    return `${propertyName(name)}${present ? '' : '?'}: ${schemaType(property as JsonSchema, side)}`
  })
  return `{ ${fields.join('; ')} }`
}

/** A property name as TypeScript code: quoted where it must be. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}

/** How zod writes `z.never()`. */
function isEmptyNot(schema: JsonSchema): boolean {
  return typeof schema.not === 'object' && Object.keys(schema.not).length === 0
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(' | ')
}
