import { createHash } from 'node:crypto'
import type { EntityDefinition } from '../contract/entity-model.ts'
import type { Contract, FlowTopic, TopicDefinition, WindowTopic } from '../contract/model.ts'
import { plainSpec } from '../contract/plain-spec.ts'

/**
 * 16 hex digits over what gateway and worker must agree on: names, inputs, keys, schemas, window specs and the versions
 * of functions. Retention, priorities and functions stay out: changing them needs no joint restart, and two builds of
 * one function differ as text.
 */
export function contractHash(topics: Iterable<TopicDefinition>, entities: readonly EntityDefinition[] = []): string {
  const agreed: object[] = byName([...topics]).map(agreement)
  return hashOf([...agreed, ...byName(entities).map(entityAgreement)])
}

function byName<Named extends { readonly name: string }>(listed: readonly Named[]): Named[] {
  return [...listed].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function entityAgreement(definition: EntityDefinition): object {
  const { name, version, events, commands, on, then, rejections, indexes } = definition
  const limited = [...commands].filter(([, { by }]) => by !== 'both').map(([command, { by }]) => [command, by])
  const schemas = (members: ReadonlyMap<string, { readonly jsonSchema: unknown }>) =>
    Object.fromEntries([...members].map(([member, { jsonSchema }]) => [member, jsonSchema]))
  return {
    kind: 'entity',
    name,
    version,
    events: schemas(events),
    commands: schemas(commands),
    rejections: [...rejections].sort(),
    indexes: [...indexes.keys()].sort(),
    ...(on.size > 0 && { on: [...on.keys()].sort() }),
    ...(then.size > 0 && { reactions: [...then.keys()].sort() }),
    ...(limited.length > 0 && { by: Object.fromEntries(limited) }),
  }
}

/**
 * 16 hex digits over what decides the results of a window: its spec and the version of its `where`, and the same of
 * everything between it and the topics that clients publish to. When it changes, what is stored of the window is of
 * another one: it starts anew. A source's schema stays out, so that a new field in it costs no window its state.
 *
 * @param topics of the contract that holds the window.
 */
export function specHash(window: WindowTopic, topics: Contract['topics']): string {
  const lineage = (name: string): unknown => {
    const topic = topics.get(name)!
    switch (topic.kind) {
      case 'source':
        return { kind: topic.kind, name, keyField: topic.keyField }
      case 'flow':
      case 'window':
        return { ...agreement(topic), from: inputsOf(topic).map(lineage) }
      case 'state':
      case 'events':
      case 'late':
      case 'presence':
        throw new Error(`${name} is read by a window; only declared topics can be`)
    }
  }
  return hashOf(lineage(window.name))
}

function inputsOf(topic: FlowTopic | WindowTopic): readonly string[] {
  return topic.kind === 'flow' ? [topic.from] : topic.from
}

function hashOf(plain: unknown): string {
  return createHash('sha256').update(canonicalJson(plain)).digest('hex').slice(0, 16)
}

function agreement(topic: TopicDefinition): object {
  const { kind, name } = topic
  switch (kind) {
    case 'source':
      return { kind, name, keyField: topic.keyField, schema: topic.jsonSchema }
    case 'flow':
      return { kind, name, from: topic.from, version: topic.version, steps: topic.steps.map((step) => step.op) }
    case 'window': {
      const { aggregate, ...spec } = plainSpec(topic.spec)
      // Stored accumulators follow the declaration order of the aggregates, which sorted object keys would hide.
      const ordered = { ...spec, aggregate: Object.entries(aggregate) }
      return { kind, name, from: topic.from, spec: ordered, where: topic.where?.version ?? null }
    }
    case 'state':
    case 'events':
      return { kind, name, entity: topic.entity }
    case 'late':
      return { kind, name, from: topic.from, window: topic.window }
    case 'presence':
      return { kind, name, of: topic.of }
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
