import type { EntityDefinition } from '../contract/entity-model.ts'
import type { Contract, TopicDefinition } from '../contract/model.ts'
import { plainSpec } from '../contract/plain-spec.ts'

/** A topic as plain data. What else there is depends on its kind. */
export interface DescribedTopic {
  readonly name: string
  readonly kind: TopicDefinition['kind']
  readonly retentionMs: number
  /** The topic, or topics, that it is computed from. */
  readonly from?: string | readonly string[]
  readonly [field: string]: unknown
}

/** An entity as plain data. */
export interface DescribedEntity {
  readonly name: string
  readonly version: number
  /** The topics that it folds. */
  readonly on: readonly string[]
  readonly [field: string]: unknown
}

export interface DescribedContract {
  readonly hash: string
  readonly topics: readonly DescribedTopic[]
  readonly entities: readonly DescribedEntity[]
}

/** The contract as plain data, for people and tools: functions are left out, as their `version` stands for them. */
export function describeContract(contract: Contract): DescribedContract {
  return {
    hash: contract.hash,
    topics: [...contract.topics.values()].map(describeTopic),
    entities: [...contract.entities.values()].map(describeEntity),
  }
}

/** What `claimOf` recorded, possibly by another version. */
export function readRecord(record: string): DescribedContract {
  return JSON.parse(record) as DescribedContract
}

function describeTopic(topic: TopicDefinition): DescribedTopic {
  const { name, kind, retentionMs } = topic
  switch (topic.kind) {
    case 'source':
      return { name, kind, retentionMs, maxFutureMs: topic.maxFutureMs, key: topic.keyField, schema: topic.jsonSchema }
    case 'flow':
      return {
        ...{ name, kind, retentionMs, from: topic.from, version: topic.version },
        steps: topic.steps.map(({ op }) => op),
      }
    case 'window':
      return {
        name,
        kind,
        retentionMs,
        from: topic.from,
        lane: topic.lane,
        lateTopic: topic.lateTopic,
        spec: plainSpec(topic.spec),
        ...(topic.where !== undefined && { where: { version: topic.where.version } }),
        valueSchema: topic.valueSchema,
      }
    case 'state':
    case 'events':
      return { name, kind, retentionMs, entity: topic.entity }
    case 'late':
      return { name, kind, retentionMs, from: topic.from, window: topic.window }
    case 'presence':
      return { name, kind, retentionMs, of: topic.of, maxEntries: topic.maxEntries }
  }
}

function describeEntity(definition: EntityDefinition): DescribedEntity {
  const { name, version, keyField, commands, events, on, then, rejections, indexes } = definition
  return {
    ...{ name, version, key: keyField, on: [...on.keys()], reactions: [...then.keys()] },
    commands: Object.fromEntries(
      [...commands].map(([command, { by, jsonSchema }]) => [command, { by, schema: jsonSchema }]),
    ),
    events: Object.fromEntries([...events].map(([type, { jsonSchema }]) => [type, jsonSchema])),
    rejections: [...rejections].sort(),
    indexes: [...indexes.keys()],
  }
}
