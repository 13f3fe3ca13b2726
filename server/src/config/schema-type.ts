import type { JsonSchema } from './json-schema.ts'

/**
 * TypeScript type of the values that a JSON Schema of what may be published leaves after validation: a field with a
 * default is always there. What has no counterpart (`$ref`, patterns) prints as the wider type, `unknown` at worst.
 */
export function schemaType(schema: JsonSchema | boolean | undefined): string {
  if (schema === undefined || schema === true) return 'unknown'
  if (schema === false || isEmptyNot(schema)) return 'never'
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)))
  const variants = schema.anyOf ?? schema.oneOf
  if (variants !== undefined) return union(variants.map((variant) => schemaType(variant as JsonSchema)))
  if (schema.allOf !== undefined) {
    return schema.allOf.map((part) => `(${schemaType(part as JsonSchema)})`).join(' & ')
  }
  const types: readonly (string | undefined)[] = Array.isArray(schema.type) ? schema.type : [schema.type]
  return union(types.map((type) => typeNamed(type, schema)))
}

function typeNamed(type: string | undefined, schema: JsonSchema): string {
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type
    case 'number':
    case 'integer':
      return 'number'
    case 'array':
      return arrayType(schema)
    case 'object':
      return objectType(schema)
    default:
      return 'unknown'
  }
}

function arrayType({ prefixItems, items, readOnly }: JsonSchema): string {
  const access = readOnly === true ? 'readonly ' : ''
  if (prefixItems === undefined) return `${access}(${schemaType(items as JsonSchema | undefined)})[]`
  const more = items === undefined ? 'never' : schemaType(items as JsonSchema)
  const rest = more === 'never' ? [] : [`...(${more})[]`]
  return `${access}[${[...prefixItems.map((item) => schemaType(item as JsonSchema)), ...rest].join(', ')}]`
}

function objectType({ properties, required, additionalProperties }: JsonSchema): string {
  if (properties === undefined) return `Record<string, ${schemaType(additionalProperties as JsonSchema | undefined)}>`
  const fields = Object.entries(properties).map(([name, property]) => {
    const present = required?.includes(name) === true || (typeof property === 'object' && 'default' in property)
    return `${propertyName(name)}${present ? '' : '?'}: ${schemaType(property as JsonSchema)}`
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
