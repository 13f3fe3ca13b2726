import { posix } from 'node:path'
import { findCycle, importGraph } from '../import-graph.ts'
import { namesRedis } from '../redis-names.ts'
import { REPOSITORY, sourceFilesOf } from '../source-files.ts'

/** What is measured: the tree of the server and that of the SDK. Everything may import `protocol`, which says nothing. */
const TREES = ['server/src', 'client-sdk/src']
const BUS = 'server/src/bus/'
/** From here on a file is worth a look for a second concept. */
export const WIDE_LINES = 350

export interface MeasuredFile {
  readonly path: string
  readonly lines: number
}

/** A folder with sources of its own; folders in it are rooms themselves. */
export interface Room {
  readonly name: string
  readonly files: readonly MeasuredFile[]
  readonly lines: number
  /** Room -> how many imports of its files stand in this one. */
  readonly imports: ReadonlyMap<string, number>
}

export interface Structure {
  readonly rooms: readonly Room[]
  /** Pairs of rooms of which each imports the other and neither lies in the other. */
  readonly mutual: readonly (readonly [string, string])[]
  /** The way round one cycle of modules. */
  readonly cycle: readonly string[] | undefined
  /** Files of the server outside `bus/`. */
  readonly outsideBus: { readonly importRedis: readonly string[]; readonly nameRedis: readonly string[] }
}

/** Measures a copy of the repository. */
export function measure(root = REPOSITORY): Structure {
  const sources = sourceFilesOf(root, '.ts', '.js', '.lua').filter(({ path }) => treeOf(path) !== undefined)
  const graph = importGraph(root)
  const byRoom = groupBy(sources, ({ path }) => posix.dirname(path))
  const rooms = [...byRoom]
    .map(([name, files]) => {
      const measured = files.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      const imported = files.flatMap(({ path }) => graph.get(path)?.modules ?? []).map((path) => posix.dirname(path))
      const others = imported.filter((room) => room !== name && byRoom.has(room))
      return { name, files: measured, lines: sum(measured.map(({ lines }) => lines)), imports: countOf(others) }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const outside = sources.filter(({ path }) => path.startsWith('server/') && !path.startsWith(BUS))
  return {
    rooms,
    mutual: mutualOf(rooms),
    cycle: findCycle(graph),
    outsideBus: {
      importRedis: outside.map(({ path }) => path).filter((path) => graph.get(path)?.packages.includes('ioredis')),
      nameRedis: outside.filter(namesRedis).map(({ path }) => path),
    },
  }
}

export const treeOf = (path: string) => TREES.find((tree) => path.startsWith(`${tree}/`) || path === tree)

export const filesOf = ({ rooms }: Structure): MeasuredFile[] =>
  rooms.flatMap(({ files }) => files).sort((a, b) => b.lines - a.lines)

function mutualOf(rooms: readonly Room[]): [string, string][] {
  const imports = new Map(rooms.map((room) => [room.name, room.imports]))
  return rooms.flatMap(({ name, imports: mine }) =>
    [...mine.keys()]
      .filter((other) => name < other && !other.startsWith(`${name}/`) && imports.get(other)!.has(name))
      .map((other): [string, string] => [name, other]),
  )
}

/** Most frequent first. */
function countOf(names: readonly string[]): Map<string, number> {
  const counts = [...groupBy(names, (name) => name)].map(([name, all]) => [name, all.length] as const)
  return new Map(counts.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)))
}

export function groupBy<K, T>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const value of values) {
    const group = groups.get(keyOf(value))
    if (group === undefined) groups.set(keyOf(value), [value])
    else group.push(value)
  }
  return groups
}

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
