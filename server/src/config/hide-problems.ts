import { matchesTopic } from '@tidegate/protocol'
import type { Allowed } from './access/access-model.ts'
import type { Grant } from './access/grant.ts'
import type { EntityDefinition } from './contract/entity-model.ts'
import type { TopicDefinition } from './contract/model.ts'
import { pathNames } from './declarations/field-path.ts'
import type { JsonSchema } from './schema/json-schema.ts'

export interface Declared {
  readonly topics: ReadonlyMap<string, TopicDefinition>
  readonly entities: ReadonlyMap<string, EntityDefinition>
}

/** What a rule or token hides to no effect: a name that is misspelt hides nothing. */
export function hideProblems({ grants, hides = {} }: Allowed, declared: Declared): string[] {
  return Object.entries(hides).flatMap(([name, paths]) => {
    const shownBy = namesShowing(name, declared)
    if (typeof shownBy === 'string') return [shownBy]
    const isShown = grants.some(
      ({ operation, selector }) => operation !== 'publish' && shownBy.some((each) => matchesTopic(selector, each)),
    )
    if (!isShown && grants.every(({ selector }) => !selector.includes('$'))) {
      return [`hide: nothing here shows ${name}: it only takes from what its own allow gives`]
    }
    return paths.flatMap((path) => pathProblem(name, path, declared.topics.get(name)))
  })
}

/** What of `hide` names nothing that there is, in words: what it should hide would be shown. */
export function hidesNothing({ hides }: Pick<Allowed, 'hides'>, declared: Declared): string | undefined {
  return hides && hideProblems({ grants: [SHOWS_EVERYTHING], hides }, declared)[0]
}

const SHOWS_EVERYTHING: Grant = { operation: 'query', selector: '>', key: { kind: 'all' } }

/** The names by which grants allow what a name of `hide` is about, or what is wrong with that name. */
function namesShowing(name: string, { topics, entities }: Declared): readonly string[] | string {
  const topic = topics.get(name)
  const entityName = topic === undefined || !('entity' in topic) ? name.replace(/\.events$/, '') : topic.entity
  if (topic?.kind === 'state') return `hide: say what is hidden of ${topic.entity}; ${name} and queries follow`
  const entity = entities.get(entityName)
  if (entity !== undefined) {
    const passedOn = ['events', 'state'].map((kind) => `${entityName}.${kind}`)
    return [entityName, ...passedOn, ...[...entity.commands.keys()].map((command) => `${entityName}.${command}`)]
  }
  if (topic === undefined) return `hide: there is no topic and no entity ${name}`
  return [name, ...passing(name, topics)]
}

/** The topics that have its events as they are. */
function passing(name: string, topics: Declared['topics']): string[] {
  const next = [...topics.values()].filter(
    (topic) =>
      (topic.kind === 'late' && topic.from.includes(name)) ||
      (topic.kind === 'flow' && topic.from === name && topic.steps.every(({ op }) => op === 'filter')),
  )
  return next.flatMap((topic) => [topic.name, ...passing(topic.name, topics)])
}

function pathProblem(name: string, path: string, topic: TopicDefinition | undefined): string[] {
  if (topic?.kind !== 'source') return []
  if (path === topic.keyField) return [`hide: ${path} is the key of ${name}, which every event has beside its data`]
  return mayHave(topic.jsonSchema as JsonSchema, pathNames(path)) ? [] : [`hide: ${name} has no field ${path}`]
}

/** Whether a value that fits a schema may have a field. Where the schema does not say, it may. */
function mayHave(schema: JsonSchema | boolean | undefined, path: readonly string[]): boolean {
  const [name, ...below] = path
  if (name === undefined) return true
  if (typeof schema !== 'object') return schema === true
  const { anyOf = [], oneOf = [], allOf = [], items, prefixItems = [], properties = {}, additionalProperties } = schema
  const same = [...anyOf, ...oneOf, ...allOf, ...[items ?? []].flat(), ...prefixItems] as JsonSchema[]
  if (same.length === 0 && schema.type === undefined) return true
  if (same.some((part) => mayHave(part, path))) return true
  if (Object.hasOwn(properties, name)) return mayHave(properties[name] as JsonSchema, below)
  return additionalProperties !== undefined && mayHave(additionalProperties as JsonSchema | boolean, below)
}
