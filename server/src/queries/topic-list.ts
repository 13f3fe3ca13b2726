import {
  ALL_KEYS,
  type HiddenFields,
  hiddenByBoth,
  hiddenOfTopic,
  NOTHING_HIDDEN,
  type Rights,
} from '../access/index.ts'
import type { Contract, TopicDefinition } from '../config/contract/model.ts'
import { plainSpec } from '../config/contract/plain-spec.ts'
import { shownSchema, shownSchemaAt } from './shown-schema.ts'

/** One line of `GET /v1/topics`: everything a dashboard needs to draw any config. */
export interface TopicDescription {
  readonly name: string
  readonly kind: TopicDefinition['kind']
  readonly retentionMs: number
  /** Results only: the topics they are computed from. */
  readonly from?: readonly string[]
  /** Only of what becomes of entities: which. */
  readonly entity?: string
  /** Only of who is there: the topic that they are subscribed to. */
  readonly of?: string
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
  const hiddenOf = (name: string) => hiddenFrom(rights, contract, name)
  return [...contract.topics.values()]
    .filter(({ name }) => isSeen(name))
    .map((topic) => describe(topic, isSeen, hiddenOf(topic.name)))
}

const TOPIC_OPERATIONS = ['publish', 'subscribe', 'query'] as const

/** Whoever may publish has to know what. */
function hiddenFrom(rights: Rights, contract: Contract, name: string): HiddenFields {
  if (rights.covers('publish', name)) return NOTHING_HIDDEN
  const hiddenOf = hiddenOfTopic(contract, name)
  return (['subscribe', 'query'] as const)
    .filter((operation) => rights.covers(operation, name))
    .map((operation) => rights.sight(operation, name, hiddenOf)?.hiddenIn(ALL_KEYS) ?? NOTHING_HIDDEN)
    .reduce(hiddenByBoth)
}

function describe(topic: TopicDefinition, isSeen: (name: string) => boolean, hidden: HiddenFields): TopicDescription {
  const base = { name: topic.name, kind: topic.kind, retentionMs: topic.retentionMs }
  switch (topic.kind) {
    case 'source':
      return { ...base, key: topic.keyField, schema: shownSchema(topic.jsonSchema, hidden) }
    case 'window':
      return {
        ...{ ...base, from: topic.from.filter(isSeen), window: plainSpec(topic.spec) },
        valueSchema: shownSchemaAt('value', topic.valueSchema, hidden),
      }
    case 'state':
    case 'events':
      return { ...base, entity: topic.entity }
    case 'presence':
      return { ...base, of: topic.of }
    case 'late':
      return { ...base, from: topic.from.filter(isSeen) }
    case 'flow':
      return { ...base, from: [topic.from].filter(isSeen) }
  }
}
