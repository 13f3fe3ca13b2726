import type { AggregateSpec, Contract, TopicDefinition } from '../config/model.ts'

/** One line of `GET /v1/topics`: what a dashboard needs to draw any config. */
export interface TopicDescription {
  readonly name: string
  readonly kind: TopicDefinition['kind']
  readonly retentionMs: number
  /** Results only: the topic they are computed from. */
  readonly from?: string
  /** Sources only. */
  readonly key?: string
  readonly schema?: unknown
  /** Windows only. */
  readonly window?: {
    readonly sizeMs: number
    readonly outOfOrdernessMs: number
    readonly allowedLatenessMs: number
    readonly groupBy: 'key' | 'all'
    readonly aggregate: Readonly<Record<string, AggregateSpec>>
  }
}

export function describeTopics(contract: Contract): TopicDescription[] {
  return [...contract.topics.values()].map(describe)
}

function describe(topic: TopicDefinition): TopicDescription {
  const base = { name: topic.name, kind: topic.kind, retentionMs: topic.retentionMs }
  switch (topic.kind) {
    case 'source':
      return { ...base, key: topic.keyField, schema: topic.jsonSchema }
    case 'window': {
      const { sizeMs, outOfOrdernessMs, allowedLatenessMs, groupBy, aggregate } = topic.spec
      return { ...base, from: topic.from, window: { sizeMs, outOfOrdernessMs, allowedLatenessMs, groupBy, aggregate } }
    }
    case 'flow':
    case 'late':
      return { ...base, from: topic.from }
  }
}
