import type { Rights } from '../access/index.ts'
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

/** Those that somebody may do something with, without the names of others. */
export function describeTopics(contract: Contract, rights: Rights): TopicDescription[] {
  const isSeen = (name: string) => TOPIC_OPERATIONS.some((operation) => rights.covers(operation, name))
  return [...contract.topics.values()].filter(({ name }) => isSeen(name)).map((topic) => describe(topic, isSeen))
}

const TOPIC_OPERATIONS = ['publish', 'subscribe', 'query'] as const

function describe(topic: TopicDefinition, isSeen: (name: string) => boolean): TopicDescription {
  const base = { name: topic.name, kind: topic.kind, retentionMs: topic.retentionMs }
  switch (topic.kind) {
    case 'source':
      return { ...base, key: topic.keyField, schema: topic.jsonSchema }
    case 'window':
      return { ...base, from: topic.from.filter(isSeen), window: plainSpec(topic.spec), valueSchema: topic.valueSchema }
    case 'state':
    case 'events':
      return { ...base, entity: topic.entity }
    case 'late':
      return { ...base, from: topic.from.filter(isSeen) }
    case 'flow':
      return { ...base, from: [topic.from].filter(isSeen) }
  }
}
