import { isCount, wholeVersion } from '../checked-option.ts'
import { TopicProblem } from '../config-error.ts'
import type { AggregateSpec } from '../contract/model.ts'
import { isInheritedName } from '../inherited-name.ts'

/** Functions of a field that holds numbers. */
const NUMBER_FUNCTIONS = ['sum', 'avg', 'min', 'max', 'stddev', 'rate', 'timeWeightedAvg'] as const
const SCALAR_FUNCTIONS = ['first', 'last', 'distinct', 'list'] as const
const FIELD_FUNCTIONS = [...NUMBER_FUNCTIONS, ...SCALAR_FUNCTIONS]
/** All but `custom`. */
export const FUNCTIONS = ['count', ...FIELD_FUNCTIONS, 'quantiles', 'topK'] as const
const CUSTOM_FUNCTIONS = ['init', 'add', 'merge', 'result', 'encode', 'decode'] as const

/** The sketch follows some 500 values at once: of a longer list the end would be noise. */
const MAX_TOP = 100

/** Quantiles that one name can tell apart: `p50`, `p999999`. */
const QUANTILE = /^0\.\d{1,6}$/

type Fields = Readonly<Record<string, unknown>>

/** Checks the declared aggregates and turns them into plain data, in declaration order. */
export function aggregateSpecs(declared: unknown): Readonly<Record<string, AggregateSpec>> {
  const entries = Object.entries(declared ?? {}).map(([name, aggregate]) => {
    try {
      if (isInheritedName(name)) throw bad('every object has something of this name')
      return [name, aggregateSpec(aggregate)] as const
    } catch (problem) {
      if (!(problem instanceof TopicProblem)) throw problem
      throw new TopicProblem(problem.code, `aggregate ${name}: ${problem.message}`, { cause: problem })
    }
  })
  if (entries.length === 0) throw new TopicProblem('bad_aggregate', 'aggregate names nothing to compute')
  return Object.fromEntries(entries)
}

/** Checks one declared aggregate. @throws {TopicProblem} */
export function aggregateSpec(declared: unknown): AggregateSpec {
  if (declared === 'count') return { fn: 'count' }
  if (typeof declared !== 'object' || declared === null) throw notUnderstood(declared)
  const fields = declared as Fields
  const fn = FIELD_FUNCTIONS.find((known) => known in fields)
  if (fn !== undefined) {
    only(fields, fn)
    return { fn, field: path(fields, fn) }
  }
  if ('quantiles' in fields) {
    only(fields, 'quantiles', 'at')
    return { fn: 'quantiles', field: path(fields, 'quantiles'), at: quantiles(fields.at) }
  }
  if ('topK' in fields) {
    only(fields, 'topK', 'k', 'by')
    if (!isCount(fields.k) || fields.k > MAX_TOP) throw bad(`k must be a whole number from 1 to ${MAX_TOP}`)
    const by = fields.by === undefined ? {} : { by: path(fields, 'by') }
    return { fn: 'topK', field: path(fields, 'topK'), k: fields.k, ...by }
  }
  if ('custom' in fields) {
    only(fields, 'custom')
    return customSpec(fields.custom)
  }
  throw notUnderstood(declared)
}

function customSpec(declared: unknown): AggregateSpec {
  const given = (typeof declared === 'object' && declared !== null ? declared : {}) as Fields
  const missing = CUSTOM_FUNCTIONS.filter((name) => typeof given[name] !== 'function')
  if (missing.length > 0) throw bad(`custom must have the functions ${missing.join(', ')}`)
  const version = wholeVersion('custom.version', given.version, 'one of its functions')
  const aggregate = given as unknown as Extract<AggregateSpec, { fn: 'custom' }>['aggregate']
  return { fn: 'custom', version, aggregate }
}

function quantiles(at: unknown): readonly number[] {
  const isUsable = (quantile: unknown) =>
    typeof quantile === 'number' && QUANTILE.test(String(quantile)) && quantile > 0
  if (Array.isArray(at) && at.length > 0 && at.every(isUsable) && new Set(at).size === at.length) return [...at]
  throw bad('at must name quantiles between 0 and 1, none twice: [0.5, 0.99]; use min and max for the ends')
}

function path(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string') return value
  throw bad(`${name} must be the name of a field`)
}

function only(fields: Fields, ...names: readonly string[]): void {
  const other = Object.keys(fields).find((name) => !names.includes(name))
  if (other !== undefined) throw bad(`${other} cannot stand beside ${names[0]}: an aggregate is one function`)
}

function notUnderstood(declared: unknown): TopicProblem {
  return bad(
    `${JSON.stringify(declared)} is not understood; write 'count', custom({ ... }) or one of ${[...FIELD_FUNCTIONS, 'quantiles', 'topK'].join(', ')} of a field: { avg: 'temperature' }`,
  )
}

function bad(message: string): TopicProblem {
  return new TopicProblem('bad_aggregate', message)
}
