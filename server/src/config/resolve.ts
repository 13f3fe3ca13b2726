import { didYouMean, LIMITS } from '@tidegate/protocol'
import { contractHash } from './changes/hash.ts'
import { knownOptions, positiveMs, wholeVersion } from './checked-option.ts'
import { ConfigError, type ConfigProblem, checked, problemsOf, TopicProblem } from './config-error.ts'
import type { Contract, FlowTopic, PlainTopic, SourceTopic, TopicDefinition } from './contract/model.ts'
import type { AccessOptions } from './declarations/access-options.ts'
import type { Declaration, FlowDeclaration, SourceDeclaration } from './declarations/declaration.ts'
import type { EntityDeclaration } from './declarations/entity-declaration.ts'
import { DEFAULT_RETENTION } from './defaults.ts'
import { entityTopics, resolveEntities } from './entities/resolve-entities.ts'
import { resolveAccess } from './resolve-access.ts'
import { alwaysHas, type JsonSchema } from './schema/json-schema.ts'
import { plainObject } from './schema/plain-schema.ts'
import { jsonSchemas, validator } from './schema/schema.ts'
import type { Resolved } from './topics/input-schema.ts'
import { fixedLane, laneRule } from './topics/lane-rule.ts'
import { presenceTopic } from './topics/presence-topic.ts'
import { topicOrder } from './topics/topic-order.ts'
import { windowTopics } from './windows/window-topics.ts'

/**
 * Checks everything that was declared and builds the contract from it.
 *
 * @param found problems of what is no declaration at all
 * @throws {ConfigError} naming every problem at once.
 */
export function resolveContract(
  declared: readonly Declaration[],
  declaredEntities: readonly EntityDeclaration[] = [],
  access?: AccessOptions,
  found: readonly ConfigProblem[] = [],
): Contract {
  const order = topicOrder(declared)
  const { ordered } = order
  const problems = [...found, ...order.problems]
  const resolved = new Map<Declaration, TopicDefinition>()
  const definitions: TopicDefinition[] = []
  for (const declaration of ordered) {
    try {
      const [topic, ...more] = definitionsOf(declaration, resolved)
      resolved.set(declaration, topic)
      definitions.push(topic, ...more)
    } catch (problem) {
      const { name: topic, place } = declaration
      for (const { code, message } of problemsOf(problem)) problems.push({ code, topic, message, place })
    }
  }
  const entities = resolveEntities(declaredEntities, new Set(declared), problems)
  const taken = new Set(definitions.map(({ name }) => name))
  definitions.push(...entityTopics(entities.values(), taken, problems))
  const topics = new Map(definitions.map((topic) => [topic.name, topic]))
  const resolvedAccess = resolveAccess(access, { topics, entities }, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { topics, entities, access: resolvedAccess, hash: contractHash(definitions, [...entities.values()]) }
}

function definitionsOf(declaration: Declaration, resolved: Resolved): [TopicDefinition, ...TopicDefinition[]] {
  switch (declaration.kind) {
    case 'source':
      return sourceTopics(declaration)
    case 'flow':
      return [flowTopic(declaration)]
    case 'window':
      return windowTopics(declaration, resolved)
  }
}

const SOURCE_OPTIONS = ['schema', 'key', 'priority', 'retention', 'maxFuture', 'presence']
const FLOW_OPTIONS = ['version', 'priority', 'retention']

function sourceTopics(declaration: SourceDeclaration): [SourceTopic, ...TopicDefinition[]] {
  const { name, options, schema, key, priority, retention, maxFuture } = declaration
  const {
    known: _,
    presence,
    ...values
  } = checked({
    known: () => knownOptions(options, SOURCE_OPTIONS),
    jsonSchema: () => publishedSchema(schema, key),
    retentionMs: () => positiveMs('retention', retention ?? DEFAULT_RETENTION.source),
    maxFutureMs: () => (maxFuture === undefined ? LIMITS.maxFutureMs : positiveMs('maxFuture', maxFuture)),
    laneOf: () => laneRule(priority),
    presence: () => presenceTopic(declaration),
  })
  const plain = plainTopic(declaration)
  return [{ kind: 'source', name, keyField: key, validate: validator(schema), plain, ...values }, ...presence]
}

function plainTopic({ schema, priority }: SourceDeclaration): PlainTopic | undefined {
  const object = typeof priority === 'function' ? undefined : plainObject(schema)
  return object && { object, lane: fixedLane(priority) }
}

function publishedSchema(schema: SourceDeclaration['schema'], key: string): JsonSchema {
  const { published, stored } = jsonSchemas(schema)
  if (alwaysHas(stored, [key], ['string'])) return published
  const similar = typeof key === 'string' ? didYouMean(key, Object.keys(stored.properties ?? {})) : ''
  throw new TopicProblem(
    'bad_key',
    `key ${JSON.stringify(key)} is not a field of the schema that always holds a string${similar && `.${similar}`}`,
  )
}

function flowTopic({ name, options, from, steps, version, priority, retention }: FlowDeclaration): FlowTopic {
  const { known: _, ...values } = checked({
    known: () => knownOptions(options, FLOW_OPTIONS),
    retentionMs: () => positiveMs('retention', retention ?? DEFAULT_RETENTION.flow),
    version: () => wholeVersion('version', version, 'map or filter'),
    laneOf: () => laneRule(priority),
  })
  return { kind: 'flow', name, from: from.name, steps, ...values }
}
