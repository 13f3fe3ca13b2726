import type { JsonSchema } from './json-schema.ts'
import type { Contract, TopicDefinition } from './model.ts'
import { propertyName, schemaType } from './schema-type.ts'

const PANE = `export interface Pane<Value> {
  readonly key: string
  /** \`[start, end)\`, ms since 1970. */
  readonly start: number
  readonly end: number
  readonly value: Value
  readonly revision: number
  readonly final: boolean
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
      const fields = Object.keys(topic.spec.aggregate).map((field) => `readonly ${propertyName(field)}: number`)
      return `Pane<{ ${fields.join('; ')} }>`
    }
    case 'late':
      return dataType(contract.topics.get(topic.from)!, contract)
    case 'flow':
      return topic.steps.some((step) => step.op === 'map')
        ? 'unknown'
        : dataType(contract.topics.get(topic.from)!, contract)
  }
}
