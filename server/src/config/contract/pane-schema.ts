import { type JsonSchema, objectSchema } from '../schema/json-schema.ts'

/** Of the data of a window's events that sum something up. */
export function paneSchema(value: JsonSchema): JsonSchema {
  return objectSchema([
    ['key', { type: 'string' }],
    ['start', { type: 'number' }],
    ['end', { type: 'number' }],
    ['value', value],
    ['timing', { type: 'string', enum: ['early', 'on_time', 'late'] }],
    ['revision', { type: 'number' }],
    ['final', { type: 'boolean' }],
  ])
}
