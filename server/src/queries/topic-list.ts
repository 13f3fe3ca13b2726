import type { Contract, TopicDefinition } from '../config/model.ts'
import { plainSpec } from '../config/plain-spec.ts'

/** One line of `GET /v1/topics`: everything a dashboard needs to draw any config. */
export interface TopicDescription {
  readonly name: string
  readonly kind: TopicDefinition['kind']
  readonly retentionMs: number
  /** Results only: the topics they are computed from. */
  readonly from?: readonly string[]
  /** Only of what becomes of entities: which. */
  readonly entity?: string
  /** Sources only. */
  readonly key?: string
  readonly schema?: unknown
  /** Windows only: the spec as plain data. */
  readonly window?: ReturnType<typeof plainSpec>
  /** Windows only: JSON Schema of a pane's `value`. */
  readonly valueSchema?: unknown
}

export function describeTopics(contract: Contract): TopicDescription[] {
  return [...contract.topics.values()].map(describe)
}

function describe(topic: TopicDefinition): TopicDescription {
  const base = { name: topic.name, kind: topic.kind, retentionMs: topic.retentionMs }
  switch (topic.kind) {
    case 'source':
      return { ...base, key: topic.keyField, schema: topic.jsonSchema }
    case 'window':
      return { ...base, from: topic.from, window: plainSpec(topic.spec), valueSchema: topic.valueSchema }
    case 'state':
    case 'events':
      return { ...base, entity: topic.entity }
    case 'late':
      return { ...base, from: topic.from }
    case 'flow':
      return { ...base, from: [topic.from] }
  }
}
