import { ConfigError, type ConfigProblem, TopicProblem } from './config-error.ts'
import type { Declaration, FlowDeclaration, SourceDeclaration, WindowDeclaration } from './declaration.ts'
import { DEFAULT_RETENTION } from './defaults.ts'
import { contractHash } from './hash.ts'
import { alwaysHas } from './json-schema.ts'
import { fixedLane, laneRule } from './lane-rule.ts'
import type { Contract, FlowTopic, SourceTopic, TopicDefinition } from './model.ts'
import { jsonSchemas, validator } from './schema.ts'
import { lateTopicName, topicOrder } from './topic-order.ts'
import { positiveMs, windowSpec } from './window-spec.ts'

/**
 * Checks everything that was declared and builds the contract from it.
 *
 * @throws {ConfigError} naming every problem at once.
 */
export function resolveContract(declared: readonly Declaration[]): Contract {
  const { ordered, problems } = topicOrder(declared)
  const definitions = ordered.flatMap((declaration) => {
    try {
      return definitionsOf(declaration)
    } catch (problem) {
      problems.push(asProblem(declaration.name, problem))
      return []
    }
  })
  if (problems.length > 0) throw new ConfigError(problems)
  return { topics: new Map(definitions.map((topic) => [topic.name, topic])), hash: contractHash(definitions) }
}

function definitionsOf(declaration: Declaration): TopicDefinition[] {
  switch (declaration.kind) {
    case 'source':
      return [sourceTopic(declaration)]
    case 'flow':
      return [flowTopic(declaration)]
    case 'window':
      return windowTopics(declaration)
  }
}

function sourceTopic({ name, schema, key, priority, retention }: SourceDeclaration): SourceTopic {
  const { published, stored } = jsonSchemas(schema)
  if (!alwaysHas(stored, key, 'string')) {
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
    validate: validator(schema),
    laneOf: laneRule(priority),
    jsonSchema: published,
  }
}

function flowTopic({ name, from, steps, version, priority, retention }: FlowDeclaration): FlowTopic {
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new TopicProblem('bad_version', 'version must be a whole number from 1; raise it when map or filter changes')
  }
  return {
    kind: 'flow',
    name,
    retentionMs: positiveMs('retention', retention ?? DEFAULT_RETENTION.flow),
    from: from.name,
    version,
    steps,
    laneOf: laneRule(priority),
  }
}

function windowTopics(declared: WindowDeclaration): TopicDefinition[] {
  const { name, from, priority, retention } = declared
  if (from.kind !== 'source') {
    throw new TopicProblem(
      'bad_window',
      `a window reads a topic that clients publish to, and ${from.name} is the result of a ${from.kind}; window its source`,
    )
  }
  const spec = windowSpec(declared)
  const { stored } = jsonSchemas(from.schema)
  for (const aggregate of Object.values(spec.aggregate)) {
    if (aggregate.fn !== 'count' && !alwaysHas(stored, aggregate.field, 'number')) {
      throw new TopicProblem(
        'bad_aggregate',
        `${aggregate.fn} of ${JSON.stringify(aggregate.field)}: ${from.name} has no field of that name that always holds a number`,
      )
    }
  }
  const lateTopic = lateTopicName(name)
  const retentionMs = positiveMs('retention', retention ?? DEFAULT_RETENTION.window)
  return [
    {
      kind: 'window',
      name,
      retentionMs,
      from: from.name,
      spec,
      lane: fixedLane(priority),
      lateTopic,
    },
    {
      kind: 'late',
      name: lateTopic,
      retentionMs,
      from: from.name,
      window: name,
    },
  ]
}

/** A defect of this code is not a problem of the config: it goes on as it came. */
function asProblem(topic: string, problem: unknown): ConfigProblem {
  if (problem instanceof TopicProblem) return { code: problem.code, topic, message: problem.message }
  throw problem
}
