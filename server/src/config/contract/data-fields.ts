import { didYouMean } from '@tidegate/protocol'
import type { JsonSchema } from '../schema/json-schema.ts'
import type { Contract, TopicDefinition } from './model.ts'
import { paneSchema } from './pane-schema.ts'

type Topics = Pick<Contract, 'topics'>

const ANY: JsonSchema = {}

/**
 * For a path into the data of events that none of the topics can have: `. Did you mean "amount"?`, or nothing where no name
 * is similar. `undefined` for every other path, also those of which nothing is known.
 */
export function similarField(contract: Topics, topics: readonly string[], path: readonly string[]): string | undefined {
  return bestOf(topics.map((topic) => similarIn(dataSchema(contract, contract.topics.get(topic)), path)))
}

function bestOf(found: readonly (string | undefined)[]): string | undefined {
  if (!found.every((similar) => similar !== undefined)) return undefined
  return found.find((similar) => similar !== '') ?? ''
}

/** Schema of the data of a topic's events; anything where a function made it. */
function dataSchema(contract: Topics, topic: TopicDefinition | undefined): JsonSchema {
  switch (topic?.kind) {
    case 'source':
      return topic.jsonSchema as JsonSchema
    case 'flow':
      return topic.steps.some(({ op }) => op === 'map') ? ANY : dataSchema(contract, contract.topics.get(topic.from))
    case 'late':
      return { anyOf: topic.from.map((from) => dataSchema(contract, contract.topics.get(from))) }
    case 'window':
      return withWithdrawals(paneSchema(topic.valueSchema as JsonSchema))
    default:
      return ANY
  }
}

/** The pane of a session that became part of another one is withdrawn. */
function withWithdrawals(pane: JsonSchema): JsonSchema {
  return { ...pane, properties: { ...pane.properties, withdrawn: { type: 'boolean' } } }
}

function similarIn(schema: JsonSchema, path: readonly string[]): string | undefined {
  const [name, ...below] = path
  if (name === undefined) return undefined
  const variants = (schema.anyOf ?? schema.oneOf ?? schema.allOf) as readonly JsonSchema[] | undefined
  if (variants !== undefined) return bestOf(variants.map((variant) => similarIn(variant, path)))
  if (schema.type === undefined || schema.$ref !== undefined) return undefined
  if (schema.type !== 'object') return ''
  const { properties = {}, additionalProperties = false } = schema
  if (Object.hasOwn(properties, name)) return similarIn(properties[name] as JsonSchema, below)
  if (additionalProperties !== false) return undefined
  const similar = didYouMean(name, Object.keys(properties))
  return similar && `.${similar}`
}
