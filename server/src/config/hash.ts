import { createHash } from 'node:crypto'
import type { TopicDefinition } from './model.ts'

/**
 * 16 hex digits over what gateway and worker must agree on: names, inputs, keys, schemas, window specs and flow
 * versions. Retention, priorities and functions stay out: changing them needs no joint restart, and two builds of
 * one function differ as text.
 */
export function contractHash(topics: Iterable<TopicDefinition>): string {
  const agreed = [...topics].sort((a, b) => (a.name < b.name ? -1 : 1)).map(agreement)
  return createHash('sha256').update(canonicalJson(agreed)).digest('hex').slice(0, 16)
}

function agreement(topic: TopicDefinition): unknown {
  const { kind, name } = topic
  switch (kind) {
    case 'source':
      return { kind, name, keyField: topic.keyField, schema: topic.jsonSchema }
    case 'flow':
      return { kind, name, from: topic.from, version: topic.version, steps: topic.steps.map((step) => step.op) }
    case 'window':
      // Stored accumulators follow the declaration order of the aggregates, which sorted object keys would hide.
      return { kind, name, from: topic.from, spec: { ...topic.spec, aggregate: Object.entries(topic.spec.aggregate) } }
    case 'late':
      return { kind, name, from: topic.from, window: topic.window }
  }
}

/** JSON with object keys sorted: equal for equal plain data, whatever order it was built in. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
