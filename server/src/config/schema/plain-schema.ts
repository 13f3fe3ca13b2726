import type { ZodType } from 'zod'

/**
 * A schema that can be checked byte by byte: what fits it is stored as it was sent, members in the order of the schema.
 * Refinements, transforms, defaults, unions and records are not plain.
 */
export type PlainValue = PlainKind & { readonly isNullable: boolean }

export type PlainKind =
  | { readonly kind: 'string'; readonly minLength: number; readonly maxLength: number }
  | { readonly kind: 'number'; readonly isWhole: boolean; readonly bounds: PlainBounds | undefined }
  | { readonly kind: 'boolean' }
  /** One of these texts of JSON. */
  | { readonly kind: 'constant'; readonly texts: readonly string[] }
  | { readonly kind: 'list'; readonly item: PlainValue }
  | { readonly kind: 'object'; readonly object: PlainObject }

/** Of numbers: each of the limits belongs to them. */
export interface PlainBounds {
  readonly min: number
  readonly max: number
  readonly isMinExclusive: boolean
  readonly isMaxExclusive: boolean
}

export interface PlainObject {
  readonly members: readonly PlainMember[]
}

export interface PlainMember {
  readonly name: string
  readonly isOptional: boolean
  readonly value: PlainValue
}

/** Deeper schemas are rare, and data of them nests far less than is allowed. */
const MAX_DEPTH = 8
/** Printable ASCII without quote and backslash: JSON has it in one spelling. */
const PLAIN_TEXT = /^[ !#-[\]-~]*$/
/** Such names come first in an object, wherever they were written. */
const INDEX = /^\d+$/

/** What zod says of a schema. */
interface Definition {
  readonly type: string
  readonly check?: string
  readonly format?: string
  readonly coerce?: boolean
  readonly checks?: readonly { readonly _zod: { readonly def: CheckDefinition } }[]
  readonly shape?: Readonly<Record<string, Schema>>
  readonly catchall?: Schema
  readonly innerType?: Schema
  readonly element?: Schema
  readonly entries?: Readonly<Record<string, unknown>>
  readonly values?: readonly unknown[]
}

interface CheckDefinition {
  readonly check: string
  readonly format?: string
  readonly value?: unknown
  readonly inclusive?: boolean
  readonly minimum?: number
  readonly maximum?: number
}

interface Schema {
  readonly _zod: { readonly def: Definition }
}

/** The plain form of a schema of objects; `undefined` for one that is not plain. */
export function plainObject(schema: ZodType): PlainObject | undefined {
  return objectOf((schema as unknown as Schema)._zod.def, 0)
}

function objectOf({ type, checks = [], shape = {}, catchall }: Definition, depth: number): PlainObject | undefined {
  if (type !== 'object' || checks.length > 0 || depth === MAX_DEPTH) return undefined
  // Members that the schema does not know are left to zod in any case.
  if (catchall !== undefined && !['never', 'unknown', 'any'].includes(catchall._zod.def.type)) return undefined
  const members: PlainMember[] = []
  for (const [name, member] of Object.entries(shape)) {
    if (!PLAIN_TEXT.test(name) || INDEX.test(name) || name === '__proto__') return undefined
    const { def } = member._zod
    const isOptional = def.type === 'optional'
    const value = plainValue(isOptional ? def.innerType!._zod.def : def, depth + 1)
    if (value === undefined) return undefined
    members.push({ name, isOptional, value })
  }
  return { members }
}

function plainValue(def: Definition, depth: number): PlainValue | undefined {
  if (def.type === 'nullable') {
    const inner = plainValue(def.innerType!._zod.def, depth)
    return inner && { ...inner, isNullable: true }
  }
  const kind = kindOf(def, depth)
  return kind && { ...kind, isNullable: false }
}

function kindOf(def: Definition, depth: number): PlainKind | undefined {
  if (def.coerce === true) return undefined
  const checks = (def.checks ?? []).map((check) => check._zod.def)
  switch (def.type) {
    case 'string':
      return def.check === undefined ? stringOf(checks) : undefined
    case 'number':
      return numberOf(def.check === undefined ? checks : [{ ...def, check: def.check }, ...checks])
    case 'boolean':
      return checks.length === 0 ? { kind: 'boolean' } : undefined
    case 'enum':
      return checks.length === 0 ? constants(Object.values(def.entries ?? {})) : undefined
    case 'literal':
      return checks.length === 0 ? constants(def.values ?? []) : undefined
    case 'array': {
      const item = checks.length === 0 && depth < MAX_DEPTH ? plainValue(def.element!._zod.def, depth + 1) : undefined
      return item && { kind: 'list', item }
    }
    case 'object': {
      const object = objectOf(def, depth)
      return object && { kind: 'object', object }
    }
    default:
      return undefined
  }
}

function stringOf(checks: readonly CheckDefinition[]): PlainKind | undefined {
  let minLength = 0
  let maxLength = Number.POSITIVE_INFINITY
  for (const { check, minimum, maximum } of checks) {
    if (check === 'min_length' && minimum !== undefined) minLength = Math.max(minLength, minimum)
    else if (check === 'max_length' && maximum !== undefined) maxLength = Math.min(maxLength, maximum)
    else return undefined
  }
  return { kind: 'string', minLength, maxLength }
}

function numberOf(checks: readonly CheckDefinition[]): PlainKind | undefined {
  let isWhole = false
  const bounds = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }
  let [isMinExclusive, isMaxExclusive] = [false, false]
  for (const { check, format, value, inclusive } of checks) {
    if (check === 'number_format' && format === 'safeint') isWhole = true
    else if (check === 'greater_than' && typeof value === 'number') {
      if (value > bounds.min || (value === bounds.min && inclusive !== true)) isMinExclusive = inclusive !== true
      bounds.min = Math.max(bounds.min, value)
    } else if (check === 'less_than' && typeof value === 'number') {
      if (value < bounds.max || (value === bounds.max && inclusive !== true)) isMaxExclusive = inclusive !== true
      bounds.max = Math.min(bounds.max, value)
    } else return undefined
  }
  const isBounded = bounds.min !== Number.NEGATIVE_INFINITY || bounds.max !== Number.POSITIVE_INFINITY
  return { kind: 'number', isWhole, bounds: isBounded ? { ...bounds, isMinExclusive, isMaxExclusive } : undefined }
}

function constants(values: readonly unknown[]): PlainKind | undefined {
  const isPlain = values.every(
    (value) =>
      value === null ||
      typeof value === 'boolean' ||
      (Number.isSafeInteger(value) && !Object.is(value, -0)) ||
      (typeof value === 'string' && PLAIN_TEXT.test(value)),
  )
  return isPlain ? { kind: 'constant', texts: values.map((value) => JSON.stringify(value)) } : undefined
}
