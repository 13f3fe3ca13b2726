import type { JsonSchema } from './json-schema.ts'
import type { Contract, TopicDefinition } from './model.ts'
import { schemaType } from './schema-type.ts'

const PANE = `export interface EntityState<View> {
  readonly version: number
  readonly state: View
}

export interface EntityEvent<Type extends string, Data> {
  readonly type: Type
  readonly version: number
  readonly commandId: string
  readonly data?: Data
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

/**
 * A TypeScript module for repositories that do not hold the config: its `Contract` stands in for `typeof config` in
 * `createClient<Contract>()`. Data that passed a `map` is `unknown`, because a function's type is gone at run time.
 */
export function contractTypes(contract: Contract): string {
  const topics = [...contract.topics.values()].map((topic) => {
    const type = `{ readonly data: ${dataType(topic, contract)}; readonly publishable: ${topic.kind === 'source'} }`
    return `    readonly '${topic.name}': ${type}`
  })
  return `// Contract ${contract.hash}, printed by \`tidegate contract --ts\`. Print it again rather than editing it.
${PANE}

export interface Contract {
  /** Exists for types only. */
  readonly '~topics': {
${topics.join('\n')}
  }
}
`
}

function dataType(topic: TopicDefinition, contract: Contract): string {
  switch (topic.kind) {
    case 'source':
      return schemaType(topic.jsonSchema as JsonSchema)
    case 'window': {
      const pane = `Pane<${schemaType(topic.valueSchema as JsonSchema)}>`
      return topic.spec.type === 'session' ? `${pane} | WithdrawnPane` : pane
    }
    case 'state':
      return 'EntityState<unknown>'
    case 'events':
      return 'EntityEvent<string, unknown>'
    case 'late':
      return [...new Set(topic.from.map((input) => dataType(contract.topics.get(input)!, contract)))].join(' | ')
    case 'flow':
      return topic.steps.some((step) => step.op === 'map')
        ? 'unknown'
        : dataType(contract.topics.get(topic.from)!, contract)
  }
}
