import { type ZodType, z } from 'zod'
import { clipped } from '../../exceeds.ts'
import { TopicProblem } from '../config-error.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Validation } from './validation.ts'

/** UTF-8 bytes of what is said of a fault, and of its place: for people, and there may be a thousand of them in an answer. */
const MAX_BYTES = 512

/**
 * The check of one event's data. It never throws: what a schema's own code throws (a refinement, or an asynchronous
 * one, which `safeParse` refuses) becomes a refusal of the event.
 */
export function validator(schema: ZodType): (data: unknown) => Validation {
  return (data) => {
    try {
      const parsed = schema.safeParse(data)
      if (parsed.success) return { ok: true, data: parsed.data }
      const issue = parsed.error.issues[0]!
      // Both may repeat names of fields, which are as long as their sender likes.
      const [path, message] = [issue.path.map(String).join('.'), issue.message].map((text) => clipped(text, MAX_BYTES))
      return { ok: false, path: path!, message: message! }
    } catch (error) {
      return { ok: false, path: '', message: 'the topic schema failed', cause: error }
    }
  }
}

/**
 * JSON Schemas of what may be published and of what is stored then. A schema that JSON Schema cannot express (dates,
 * bigints, transforms) is refused: events travel and are stored as JSON, so subscribers would receive another type
 * than the config says. Transformations belong in a flow.
 */
export function jsonSchemas(schema: ZodType): { readonly published: JsonSchema; readonly stored: JsonSchema } {
  if (typeof schema !== 'object' || schema === null || !('_zod' in schema)) {
    throw new TopicProblem('bad_schema', 'schema is not a zod schema: z.object({ ... })')
  }
  try {
    return { published: z.toJSONSchema(schema, { io: 'input' }), stored: z.toJSONSchema(schema, { io: 'output' }) }
  } catch (cause) {
    throw new TopicProblem(
      'bad_schema',
      `schema holds what JSON cannot carry (${(cause as Error).message}); use JSON types and transform in a flow with .map()`,
      { cause },
    )
  }
}
