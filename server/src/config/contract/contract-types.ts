import type { JsonSchema } from '../schema/json-schema.ts'
import { type Side, schemaType } from '../schema/schema-type.ts'
import type { EntityDefinition } from './entity-model.ts'
import type { Contract, EntityTopic, TopicDefinition } from './model.ts'

const SHARED = `export type EntityState<View> =
  | { readonly version: number; readonly state: View; readonly erased?: never }
  | { readonly version: number; readonly erased: true; readonly state?: never }

export interface EntityEvent<Type extends string, Data> {
  readonly type: Type
  readonly version: number
  readonly commandId: string
  readonly data?: Data
}

export interface Presence {
  readonly connections: number
  /** Ms since 1970. */
  readonly joinedAt: number
  readonly state?: unknown
}

export interface Pane<Value> {
  readonly key: string
  /** \`[start, end)\`, ms since 1970. */
  readonly start: number
  readonly end: number
  readonly value: Value
  readonly withdrawn?: never
  readonly timing: 'early' | 'on_time' | 'late'
  readonly revision: number
  readonly final: boolean
}

export interface WithdrawnPane {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly revision: number
  readonly withdrawn: true
}`

/** What only the compiler knows of a config: what its functions return. TypeScript code; `undefined` where it knows nothing. */
export interface ConfigTypes {
  dataOf(topic: string): string | undefined
  /** Of the panes of a window. */
  valueOf(window: string): string | undefined
  viewOf(entity: string): string | undefined
}

const NOTHING_KNOWN: ConfigTypes = { dataOf: () => undefined, valueOf: () => undefined, viewOf: () => undefined }

/**
 * A TypeScript module for repositories that do not hold the config: its `Contract` stands in for `typeof config` in
 * `createClient<Contract>()`.
 *
 * @param known absent: what comes out of a `map`, a view or a custom aggregate is `unknown`, because a function's type is
 *   gone at run time
 */
export function contractTypes(contract: Contract, known: ConfigTypes = NOTHING_KNOWN): string {
  const topics = [...contract.topics.values()].map((topic) => {
    const type = `{ readonly data: ${dataType(topic, contract, known)}; readonly publishable: ${topic.kind === 'source'} }`
    return `    readonly '${topic.name}': ${type}`
  })
  const entities = [...contract.entities.values()].map(
    (entity) => `    readonly '${entity.name}': ${entityType(entity, known)}`,
  )
  return `// Contract ${contract.hash}, printed by \`tidegate contract --ts\`. Print it again rather than editing it.
${SHARED}

export interface Contract {
  /** Exists for types only. */
  readonly '~topics': {
${topics.join('\n')}
  }
  /** Exists for types only. */
  readonly '~entities': {
${entities.join('\n')}
  }
}
`
}

function entityType(entity: EntityDefinition, known: ConfigTypes): string {
  const { events, commands, rejections, indexes } = entity
  const ofClients = [...commands].filter(([, { by }]) => by !== 'reaction')
  const inputs = ofClients.map(([name, { jsonSchema }]) => `readonly ${name}: ${typeOf(jsonSchema, 'sent')}`)
  const members = {
    view: known.viewOf(entity.name) ?? 'unknown',
    events: union([...events.keys()].map((type) => `{ type: '${type}'; data: ${shownType(entity, type)} }`)),
    commands: `{ ${inputs.join('; ')} }`,
    rejections: union([...rejections].map((code) => `'${code}'`)),
    indexes: union([...indexes.keys()].map((index) => `'${index}'`)),
  }
  return `{\n${Object.entries(members)
    .map(([name, type]) => `      readonly ${name}: ${type}\n`)
    .join('')}    }`
}

function eventType(topic: EntityTopic, contract: Contract): string {
  const entity = contract.entities.get(topic.entity)!
  return union([...entity.events.keys()].map((type) => `EntityEvent<'${type}', ${shownType(entity, type)}>`))
}

/** Data of an event as others see them. */
function shownType({ events, publicOf }: EntityDefinition, type: string): string {
  return publicOf === undefined ? typeOf(events.get(type)!.jsonSchema) : 'unknown'
}

function typeOf(jsonSchema: unknown, side: Side = 'read'): string {
  return schemaType(jsonSchema as JsonSchema, side)
}

function union(types: readonly string[]): string {
  return types.length === 0 ? 'never' : types.join(' | ')
}

function dataType(topic: TopicDefinition, contract: Contract, known: ConfigTypes): string {
  switch (topic.kind) {
    case 'source':
      return schemaType(topic.jsonSchema as JsonSchema)
    case 'window': {
      const pane = `Pane<${known.valueOf(topic.name) ?? schemaType(topic.valueSchema as JsonSchema)}>`
      return topic.spec.type === 'session' ? `${pane} | WithdrawnPane` : pane
    }
    case 'state':
      return `EntityState<${known.viewOf(topic.entity) ?? 'unknown'}>`
    case 'events':
      return eventType(topic, contract)
    case 'presence':
      return 'Presence'
    case 'late':
      return [...new Set(topic.from.map((input) => dataType(contract.topics.get(input)!, contract, known)))].join(' | ')
    case 'flow':
      return topic.steps.some((step) => step.op === 'map')
        ? (known.dataOf(topic.name) ?? 'unknown')
        : dataType(contract.topics.get(topic.from)!, contract, known)
  }
}
