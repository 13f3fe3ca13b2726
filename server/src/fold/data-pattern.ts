import { assertNever } from '../assert-never.ts'
import { jsonPatterns } from '../bus/index.ts'
import type { PlainMember, PlainObject, PlainValue } from '../config/schema/plain-schema.ts'

/** A member of the data that is wanted, or what is wanted inside of it. */
export type Wanted = true | WantedMembers
export type WantedMembers = ReadonlyMap<string, Wanted>

/**
 * Paths as a tree; `undefined` where one lies within another.
 *
 * @param paths names joined by dots
 */
export function wantedOf(paths: readonly string[]): WantedMembers | undefined {
  const inside = new Map<string, string[]>()
  const leaves = new Set<string>()
  for (const path of paths) {
    const dot = path.indexOf('.')
    if (dot === -1) leaves.add(path)
    else inside.set(path.slice(0, dot), [...(inside.get(path.slice(0, dot)) ?? []), path.slice(dot + 1)])
  }
  const wanted = new Map<string, Wanted>([...leaves].map((name) => [name, true]))
  for (const [name, below] of inside) {
    const members = wantedOf(below)
    if (members === undefined || leaves.has(name)) return undefined
    wanted.set(name, members)
  }
  return wanted
}

/** A pattern of stored data, with a group for each wanted value, and where each of them belongs. */
export interface DataPattern {
  readonly source: string
  readonly paths: readonly (readonly string[])[]
}

/**
 * Of data that fits a plain schema, members in its order, as it is stored. `undefined` where a wanted member may be missing, or is
 * no text, number, boolean or `null`.
 */
export function dataPattern({ members }: PlainObject, wanted: WantedMembers): DataPattern | undefined {
  const first = members.findIndex(({ isOptional }) => !isOptional)
  const found = members.filter(({ name }) => wanted.has(name))
  // Without one that is always there, commas could stand anywhere.
  if (first === -1 || found.length < wanted.size || found.some(({ isOptional }) => isOptional)) return undefined
  const paths: (readonly string[])[] = []
  let source = ''
  for (const [i, member] of members.entries()) {
    const pattern = memberPattern(member, wanted.get(member.name))
    if (pattern === undefined) return undefined
    paths.push(...pattern.paths.map((path) => [member.name, ...path]))
    if (member.isOptional) source += i < first ? `(?:${pattern.source},)?` : `(?:,${pattern.source})?`
    else source += i === first ? pattern.source : `,${pattern.source}`
  }
  return { source: `\\{${source}\\}`, paths }
}

function memberPattern({ name, value }: PlainMember, wanted: Wanted | undefined): DataPattern | undefined {
  const pattern = wanted === undefined ? unwantedPattern(value) : wantedPattern(value, wanted)
  return pattern && { ...pattern, source: `"${escaped(name)}":${pattern.source}` }
}

function wantedPattern(value: PlainValue, wanted: Wanted): DataPattern | undefined {
  if (wanted !== true)
    return value.kind === 'object' && !value.isNullable ? dataPattern(value.object, wanted) : undefined
  if (value.kind === 'list' || value.kind === 'object') return undefined
  const pattern = unwantedPattern(value)
  return pattern && { source: `(${pattern.source})`, paths: [[]] }
}

const NOTHING: WantedMembers = new Map()

function unwantedPattern(value: PlainValue): DataPattern | undefined {
  const source = kindPattern(value)
  if (source === undefined) return undefined
  return { source: value.isNullable ? `(?:null|${source})` : source, paths: [] }
}

function kindPattern(value: PlainValue): string | undefined {
  switch (value.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return jsonPatterns[value.kind]
    case 'constant':
      return `(?:${value.texts.map(escaped).join('|')})`
    case 'list': {
      const item = unwantedPattern(value.item)?.source
      return item && `\\[(?:${item}(?:,${item})*)?\\]`
    }
    case 'object':
      return dataPattern(value.object, NOTHING)?.source
    default:
      return assertNever(value)
  }
}

function escaped(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}/-]/g, '\\$&')
}
