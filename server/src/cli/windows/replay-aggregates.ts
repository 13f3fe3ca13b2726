import { TopicProblem } from '../../config/config-error.ts'
import type { AggregateSpec, WindowSpec } from '../../config/contract/model.ts'
import { aggregateSpec, FUNCTIONS } from '../../config/windows/aggregate-spec.ts'
import { type Fields, isRecord } from '../../json-fields.ts'
import { neededInputs, parseField, readField } from '../../operators/index.ts'

/** Name of the one aggregate of a spec that names none: panes then hold its result itself. */
export const UNNAMED = 'value'

/** @throws Error that says what is wrong with them. */
export function replayAggregates(declared: unknown): { aggregate: WindowSpec['aggregate']; isUnnamed: boolean } {
  if (typeof declared === 'string' || (isRecord(declared) && typeof declared.fn === 'string')) {
    return { aggregate: { [UNNAMED]: aggregateOf('aggregate', declared) }, isUnnamed: true }
  }
  if (!isRecord(declared) || Object.keys(declared).length === 0) {
    throw new Error(`aggregate must be one of ${FUNCTIONS.join(', ')}, or an object of named ones`)
  }
  const named = Object.entries(declared).map(([name, spec]) => [name, aggregateOf(`aggregate ${name}`, spec)])
  return { aggregate: Object.fromEntries(named), isUnnamed: false }
}

/**
 * `"sum"` of the value, `{ "sum": "field" }` of a field of it as in a config, `{ "fn": "topK", "k": 3 }` with options.
 * The config's checks hold; only the field may be absent.
 */
function aggregateOf(what: string, declared: unknown): AggregateSpec {
  const { fn, field, options } = partsOf(declared)
  const known = FUNCTIONS.find((name) => name === fn)
  if (known === undefined) {
    throw new Error(`${what}: there is no aggregate ${JSON.stringify(declared)}; there are ${FUNCTIONS.join(', ')}`)
  }
  const isOfValue = field === undefined
  const other = Object.keys(options).find((name) => name === known || known === 'count')
  if (other !== undefined) throw new Error(`${what}: ${other} cannot stand beside ${known}`)
  if (known === 'count' && !isOfValue) throw new Error(`${what}: count is of events, it takes no field`)
  if (isOfValue && options.by !== undefined) throw new Error(`${what}: by needs topK to name a field as well`)
  if (known === 'count') return { fn: known }
  try {
    // An aggregate of the value itself: it lacks only the field that a config would require.
    const spec = aggregateSpec({ ...options, [known]: isOfValue ? '' : field })
    return isOfValue ? withoutField(spec) : spec
  } catch (problem) {
    if (!(problem instanceof TopicProblem)) throw problem
    throw new Error(`${what}: ${problem.message}`, { cause: problem })
  }
}

function partsOf(declared: unknown): { fn: unknown; field: unknown; options: Fields } {
  if (!isRecord(declared)) return { fn: declared, field: undefined, options: {} }
  if (declared.fn !== undefined) {
    const { fn, field, ...options } = declared
    return { fn, field, options }
  }
  const fn = FUNCTIONS.find((name) => Object.hasOwn(declared, name)) ?? ''
  const { [fn]: field, ...options } = declared
  return { fn, field, options }
}

/** `AggregateSet` computes it from the data itself. */
function withoutField(spec: AggregateSpec): AggregateSpec {
  const { field: _, ...rest } = spec as AggregateSpec & { field?: string }
  return rest as AggregateSpec
}

/**
 * A check of one event's value, in place of the schema on which workers rely. The check throws an Error that names the
 * aggregate.
 */
export function numberCheck(aggregate: WindowSpec['aggregate']): (value: unknown) => void {
  const needed = Object.values(aggregate).flatMap((spec) =>
    neededInputs(spec)
      .filter(({ kind }) => kind !== 'scalar')
      .map(({ path }) => ({ fn: spec.fn, path, field: path === undefined ? path : parseField(path) })),
  )
  return (value) => {
    for (const { fn, path, field } of needed) {
      const found = readField(value, field)
      if (Number.isFinite(found)) continue
      const where = path === undefined ? 'as value' : `at ${path} of the value`
      const what = typeof found === 'number' ? found : (JSON.stringify(found) ?? 'nothing')
      throw new Error(`${fn} needs a number ${where}, not ${what}`)
    }
  }
}
