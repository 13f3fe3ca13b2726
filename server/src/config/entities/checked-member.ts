import { isRecord } from '../../json-fields.ts'
import { TopicProblem } from '../config-error.ts'

export type AnyFunction = (...values: unknown[]) => unknown

export function requiredFunction(option: string, value: unknown): AnyFunction {
  if (typeof value !== 'function') throw bad(`${option} must be a function`)
  return value as AnyFunction
}

export function optionalFunction(option: string, value: unknown): AnyFunction | undefined {
  return value === undefined ? undefined : requiredFunction(option, value)
}

export function record(option: string, value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw bad(`${option} must be an object`)
  return value
}

export function bad(message: string): TopicProblem {
  return new TopicProblem('bad_entity', message)
}
