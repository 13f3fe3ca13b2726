import type { Contract, TopicDefinition } from './model.ts'
import { plainSpec } from './plain-spec.ts'

/** The contract as plain data, for people and tools: functions are left out, as their `version` stands for them. */
export function describeContract(contract: Contract): { readonly hash: string; readonly topics: readonly object[] } {
  return { hash: contract.hash, topics: [...contract.topics.values()].map(describeTopic) }
}

function describeTopic(topic: TopicDefinition): object {
  const { name, kind, retentionMs } = topic
  switch (topic.kind) {
    case 'source':
      return { name, kind, retentionMs, maxFutureMs: topic.maxFutureMs, key: topic.keyField, schema: topic.jsonSchema }
    case 'flow':
      return { name, kind, retentionMs, from: topic.from, version: topic.version }
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
