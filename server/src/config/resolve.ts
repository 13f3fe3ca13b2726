import { LIMITS } from '@tidegate/protocol'
import { type AccessOptions, resolveAccess } from './access.ts'
import { positiveMs, wholeVersion } from './checked-option.ts'
import { ConfigError, type ConfigProblem, TopicProblem } from './config-error.ts'
import type { Declaration, FlowDeclaration, SourceDeclaration } from './declaration.ts'
import { DEFAULT_RETENTION } from './defaults.ts'
import type { EntityDeclaration } from './entity-declaration.ts'
import { contractHash } from './hash.ts'
import type { Resolved } from './input-schema.ts'
import { alwaysHas } from './json-schema.ts'
import { laneRule } from './lane-rule.ts'
import type { Contract, FlowTopic, SourceTopic, TopicDefinition } from './model.ts'
import { entityTopics, resolveEntities } from './resolve-entities.ts'
import { jsonSchemas, validator } from './schema.ts'
import { topicOrder } from './topic-order.ts'
import { windowTopics } from './window-topics.ts'

/**
 * Checks everything that was declared and builds the contract from it.
 *
 * @throws {ConfigError} naming every problem at once.
 */
export function resolveContract(
  declared: readonly Declaration[],
  declaredEntities: readonly EntityDeclaration[] = [],
  access?: AccessOptions,
): Contract {
  const { ordered, problems } = topicOrder(declared)
  const resolved = new Map<Declaration, TopicDefinition>()
  const definitions: TopicDefinition[] = []
  for (const declaration of ordered) {
    try {
      const [topic, ...more] = definitionsOf(declaration, resolved)
      resolved.set(declaration, topic)
      definitions.push(topic, ...more)
    } catch (problem) {
      problems.push(asProblem(declaration.name, problem))
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
      return [sourceTopic(declaration)]
    case 'flow':
      return [flowTopic(declaration)]
    case 'window':
      return windowTopics(declaration, resolved)
  }
}

function sourceTopic({ name, schema, key, priority, retention, maxFuture }: SourceDeclaration): SourceTopic {
  const { published, stored } = jsonSchemas(schema)
  if (!alwaysHas(stored, [key], ['string'])) {
    throw new TopicProblem(
      'bad_key',
      `key ${JSON.stringify(key)} is not a field of the schema that always holds a string`,
    )
  }
  return {
    kind: 'source',
    name,
    retentionMs: positiveMs('retention', retention ?? DEFAULT_RETENTION.source),
    keyField: key,
    maxFutureMs: maxFuture === undefined ? LIMITS.maxFutureMs : positiveMs('maxFuture', maxFuture),
    validate: validator(schema),
    laneOf: laneRule(priority),
    jsonSchema: published,
  }
}

function flowTopic({ name, from, steps, version, priority, retention }: FlowDeclaration): FlowTopic {
  return {
    kind: 'flow',
    name,
    retentionMs: positiveMs('retention', retention ?? DEFAULT_RETENTION.flow),
    from: from.name,
    version: wholeVersion('version', version, 'map or filter'),
    steps,
    laneOf: laneRule(priority),
  }
}

/** A defect of this code is not a problem of the config: it is thrown unchanged. */
function asProblem(topic: string, problem: unknown): ConfigProblem {
  if (problem instanceof TopicProblem) return { code: problem.code, topic, message: problem.message }
  throw problem
}
