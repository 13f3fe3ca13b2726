import { type HiddenFields, hiddenBelow } from '../access/index.ts'

type Schema = Record<string, unknown>

/** A JSON Schema without the fields that somebody does not see: it names them, and may give values of them. */
export function shownSchema(schema: unknown, hidden: HiddenFields): unknown {
  if (hidden.paths.length === 0) return schema
  const shown = structuredClone(schema) as Schema
  // Shared definitions may be used in several places.
  if (shown.$defs !== undefined) return { type: 'object' }
  for (const path of hidden.paths) removeField(shown, path)
  return shown
}

/** The JSON Schema of what lies under a name. */
export function shownSchemaAt(name: string, schema: unknown, hidden: HiddenFields): unknown {
  const below = hiddenBelow(hidden, name)
  return below === 'all' ? {} : shownSchema(schema, below)
}

function removeField(schema: unknown, path: readonly string[]): void {
  if (typeof schema !== 'object' || schema === null) return
  if (Array.isArray(schema)) {
    for (const each of schema) removeField(each, path)
    return
  }
  const fields = schema as Schema
  for (const example of ['default', 'examples', 'const', 'enum']) delete fields[example]
  for (const same of ['anyOf', 'oneOf', 'allOf', 'items', 'prefixItems']) removeField(fields[same], path)
  const [name, ...below] = path as [string, ...string[]]
  if (below.length > 0) removeField(fields.additionalProperties, below)
  const properties = (fields.properties ?? {}) as Schema
  if (!Object.hasOwn(properties, name)) return
  if (below.length > 0) return removeField(properties[name], below)
  delete properties[name]
  if (Array.isArray(fields.required)) fields.required = fields.required.filter((each) => each !== name)
}
