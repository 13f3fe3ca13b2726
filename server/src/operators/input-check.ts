import { assertNever } from '../assert-never.ts'
import type { AggregateSpec, WindowSpec } from '../config/contract/model.ts'
import { type Field, parseField, readField } from './aggregates/index.ts'

/**
 * Largest magnitude of a summand: sums of its squares, as `stddev` keeps them, stay finite with more events than a
 * window can see. An infinite result would be `null` in a pane.
 */
const MAX_SUMMAND = 1e100

/** The type of an aggregate's input. `summand`: a number that it adds up. */
type InputKind = 'number' | 'summand' | 'scalar'

export interface NeededInput {
  readonly kind: InputKind
  /** Absent for the data itself. */
  readonly path: string | undefined
}

const WORDS: Record<InputKind, string> = {
  number: 'a number',
  summand: `a number of at most ${MAX_SUMMAND} either way`,
  scalar: 'a string, number or boolean',
}

/** The input that every event needs for an aggregate's result to have its declared type. */
export function neededInputs(spec: AggregateSpec): readonly NeededInput[] {
  switch (spec.fn) {
    case 'sum':
    case 'avg':
    case 'stddev':
    case 'rate':
    case 'timeWeightedAvg':
      return [{ kind: 'summand', path: spec.field }]
    case 'min':
    case 'max':
    case 'quantiles':
      return [{ kind: 'number', path: spec.field }]
    case 'first':
    case 'last':
    case 'distinct':
    case 'list':
      return [{ kind: 'scalar', path: spec.field }]
    case 'topK':
      return [{ kind: 'scalar', path: spec.field }, ...(spec.by === undefined ? [] : [summand(spec.by)])]
    case 'count':
    case 'custom':
      return []
    default:
      return assertNever(spec)
  }
}

/** The fields that a window reads of the data of its events; `undefined` where it reads all of it. */
export function pathsRead({ groupBy, aggregate }: WindowSpec): readonly string[] | undefined {
  const paths = typeof groupBy === 'object' ? [groupBy.field] : []
  for (const spec of Object.values(aggregate)) {
    if (spec.fn === 'custom') return undefined
    for (const { path } of neededInputs(spec)) {
      if (path === undefined) return undefined
      paths.push(path)
    }
  }
  return paths
}

/**
 * A check of one event's data, which the config cannot make for events older than a field or behind a `map`. It throws
 * a TypeError that names the aggregate.
 */
export function inputCheck(specs: Readonly<Record<string, AggregateSpec>>): (data: unknown) => void {
  const needed = new Map<
    string,
    NeededInput & { readonly field: Field | undefined; readonly fn: string; readonly name: string }
  >()
  for (const [name, spec] of Object.entries(specs)) {
    for (const { kind, path } of neededInputs(spec)) {
      // The first of several aggregates over one field is enough.
      const id = `${kind} ${path}`
      if (!needed.has(id))
        needed.set(id, { kind, path, field: path === undefined ? path : parseField(path), fn: spec.fn, name })
    }
  }
  const checks = [...needed.values()]
  return (data) => {
    for (const { kind, path, field, fn, name } of checks) {
      const value = readField(data, field)
      if (isOf(kind, value)) continue
      throw new TypeError(`aggregate ${name}: ${fn} needs ${WORDS[kind]} at ${path}, not ${described(value)}`)
    }
  }
}

function isOf(kind: InputKind, value: unknown): boolean {
  switch (kind) {
    case 'summand':
      return typeof value === 'number' && Math.abs(value) <= MAX_SUMMAND
    case 'number':
      return Number.isFinite(value)
    case 'scalar':
      return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
  }
}

/** Only the type of a client's text: a cause is short. */
function described(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null || typeof value === 'number') return `${value}`
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
}

function summand(path: string): NeededInput {
  return { kind: 'summand', path }
}
