import type { Figures } from '../support/benchmark.ts'

export interface Table {
  /** Where its figures are in the result: `partitions.points`; empty at the top. */
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

type Scalar = number | boolean | string
type Group = Readonly<Record<string, Figures>>

/** Figures as tables: what is compared, in one with a row for each; the rest in tables of name and figure. */
export function tablesOf(figures: Group, path: readonly string[] = []): Table[] {
  const title = path.join('.')
  const scalars = Object.entries(figures).filter(([, value]) => isScalar(value)) as [string, Scalar][]
  const groups = Object.entries(figures).filter(([, value]) => isGroup(value)) as [string, Group][]
  const isCompared = groups.length > 1 && groups.every(([, group]) => Object.values(group).some(isScalar))
  return [
    ...(scalars.length === 0 ? [] : [{ title, head: ['figure', 'value'], rows: scalars.map(rowOf) }]),
    ...(isCompared
      ? [comparison(title, Object.fromEntries(groups))]
      : groups.flatMap(([name, group]) => tablesOf(group, [...path, name]))),
  ]
}

function comparison(title: string, groups: Readonly<Record<string, Group>>): Table {
  const cells = Object.entries(groups).map(([name, group]) => ({ name, leaves: new Map(leavesOf(group)) }))
  const columns = [...new Set(cells.flatMap(({ leaves }) => [...leaves.keys()]))]
  return {
    title,
    head: ['', ...columns],
    rows: cells.map(({ name, leaves }) => [name, ...columns.map((column) => textOf(leaves.get(column)))]),
  }
}

function leavesOf(group: Group, path: readonly string[] = []): [string, Scalar][] {
  return Object.entries(group).flatMap(([name, value]): [string, Scalar][] => {
    if (isScalar(value)) return [[[...path, name].join('.'), value]]
    return isGroup(value) ? leavesOf(value, [...path, name]) : []
  })
}

const rowOf = ([name, value]: [string, Scalar]) => [name, textOf(value)]
const isScalar = (value: Figures): value is Scalar => typeof value !== 'object'
const isGroup = (value: Figures): value is Group => typeof value === 'object' && !Array.isArray(value)

/** As people read it: thousands apart, and not more digits than there are. */
export function textOf(value: Figures | undefined): string {
  if (typeof value === 'number') return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 })
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'string' ? value : ''
}
