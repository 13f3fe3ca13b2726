import type { Topic } from './topics.ts'

interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minItems?: number
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
}

/** Text examples of JSON Schema's formats, where an arbitrary word would be refused. */
const FORMATS: Readonly<Record<string, string>> = {
  email: 'someone@example.com',
  uri: 'https://example.com/',
  uuid: '6f1c2c1e-3d4b-4f6a-8b1d-2f9c0a7e5d31',
  date: '2026-01-31',
  time: '12:00:00',
  'date-time': '2026-01-31T12:00:00Z',
}

/** A command that publishes one event of a source topic, with data that fits its schema as far as this can tell. */
export function publishCommand(origin: string, topic: Topic): string {
  const body = JSON.stringify({ topic: topic.name, data: exampleOf((topic.schema ?? {}) as Schema, 'example') })
  return `curl ${origin}/v1/events -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`
}

function exampleOf(schema: Schema, name: string): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  const variant = schema.oneOf?.[0] ?? schema.anyOf?.[0]
  if (variant !== undefined) return exampleOf(variant, name)
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, name)))
  switch (typeof schema.type === 'object' ? schema.type[0] : schema.type) {
    case 'object': {
      const properties = Object.entries(schema.properties ?? {})
      const required = properties.filter(([field]) => schema.required?.includes(field))
      return Object.fromEntries(required.map(([field, property]) => [field, exampleOf(property, field)]))
    }
    case 'array':
      return Array.from({ length: schema.minItems ?? 1 }, () => exampleOf(schema.items ?? {}, name))
    case 'number':
    case 'integer':
      return Math.min(Math.max(schema.minimum ?? 0, 21), schema.maximum ?? 21)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return FORMATS[schema.format ?? ''] ?? `${name}-1`
  }
}
