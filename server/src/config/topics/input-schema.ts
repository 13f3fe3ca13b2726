import type { TopicDefinition } from '../contract/model.ts'
import { paneSchema } from '../contract/pane-schema.ts'
import type { Declaration } from '../declarations/declaration.ts'
import type { JsonSchema } from '../schema/json-schema.ts'
import { jsonSchemas } from '../schema/schema.ts'

/** What is known of the events of a topic; `undefined` after a `map`, whose type is gone at run time. */
export type InputSchema = { readonly schema: JsonSchema; readonly isNarrowed: boolean } | undefined

/** The valid declarations, as built; inputs before what reads them. */
export type Resolved = ReadonlyMap<Declaration, TopicDefinition>

export function inputSchema(declaration: Declaration, resolved: Resolved): InputSchema {
  const definition = resolved.get(declaration)
  if (definition === undefined) return undefined
  switch (declaration.kind) {
    case 'source':
      return { schema: jsonSchemas(declaration.schema).stored, isNarrowed: false }
    case 'flow': {
      if (declaration.steps.some((step) => step.op === 'map')) return undefined
      const input = inputSchema(declaration.from, resolved)
      // A filter that is a type guard may leave only events that have a field which others lack.
      return input && { ...input, isNarrowed: true }
    }
    case 'window':
      return definition.kind === 'window'
        ? { schema: paneSchema(definition.valueSchema as JsonSchema), isNarrowed: false }
        : undefined
  }
}
