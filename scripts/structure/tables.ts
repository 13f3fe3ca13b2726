import { filesOf, groupBy, type Room, type Structure, sum, treeOf, WIDE_LINES } from './measure.ts'

const WIDEST_SHOWN = 8

/** Rooms with their arrows, then what a reader looks for first. */
export function describe(structure: Structure): string {
  const trees = groupBy(structure.rooms, ({ name }) => treeOf(name)!)
  const { outsideBus, cycle, mutual } = structure
  return [
    ...[...trees].map(([tree, rooms]) => `${tree}\n${table(['room', 'files', 'lines', 'imports'], rooms.map(rowOf))}`),
    `widest files\n${filesOf(structure)
      .slice(0, WIDEST_SHOWN)
      .map(({ path, lines }) => `  ${lines}  ${path}`)
      .join('\n')}`,
    [
      `rooms that import each other: ${mutual.map(([a, b]) => `${short(a)} and ${short(b)}`).join(', ') || 'none'}`,
      `cycle of modules: ${cycle?.join(' -> ') ?? 'none'}`,
      `outside bus/, files that import ioredis: ${outsideBus.importRedis.join(', ') || 'none'}`,
      `outside bus/, files that name a key, script or connection of Redis: ${outsideBus.nameRedis.join(', ') || 'none'}`,
    ].join('\n'),
  ].join('\n\n')
}

/** Two structures side by side: the sums, then every room that is not the same in both. */
export function compare(before: Structure, after: Structure): string {
  const [then, now] = [sumsOf(before), sumsOf(after)]
  const sums = Object.keys(then).map((name) => [name, `${then[name]}`, `${now[name]}`])
  const names = [...new Set([...before.rooms, ...after.rooms].map(({ name }) => name))].sort()
  const rooms = names.map((name) => [short(name), sizeOf(before, name), sizeOf(after, name)])
  const changed = rooms.filter(([, was, is]) => was !== is)
  return [table(['', 'before', 'after'], sums), table(['room', 'before', 'after'], changed)].join('\n\n')
}

function sumsOf(structure: Structure): Record<string, number> {
  const { rooms, mutual, cycle, outsideBus } = structure
  const lines = filesOf(structure).map((file) => file.lines)
  return {
    rooms: rooms.length,
    files: lines.length,
    lines: sum(lines),
    'lines of the median file': lines[Math.floor(lines.length / 2)] ?? 0,
    'lines of the widest file': lines[0] ?? 0,
    [`files above ${WIDE_LINES} lines`]: lines.filter((count) => count > WIDE_LINES).length,
    'arrows between rooms': sum(rooms.map(({ imports }) => imports.size)),
    'imports between rooms': sum(rooms.flatMap(({ imports }) => [...imports.values()])),
    'pairs of rooms that import each other': mutual.length,
    'cycles of modules': cycle === undefined ? 0 : 1,
    'files outside bus/ that import ioredis': outsideBus.importRedis.length,
    'files outside bus/ that name Redis': outsideBus.nameRedis.length,
  }
}

function sizeOf({ rooms }: Structure, name: string): string {
  const room = rooms.find((one) => one.name === name)
  return room === undefined ? '-' : `${room.files.length} files, ${room.lines} lines`
}

function rowOf({ name, files, lines, imports }: Room): string[] {
  const arrows = [...imports].map(([room, count]) => `${short(room)} ${count}`)
  return [short(name), `${files.length}`, `${lines}`, arrows.join(', ')]
}

/** Without the tree, except for the tree's own files. */
const short = (room: string) => (treeOf(room) === room ? room : room.replace(/^[^/]+\/src\//, ''))

/** Aligned columns: the first to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)))
  const isNumber = head.map((_, column) => rows.every((row) => /^\d+$/.test(row[column]!)))
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ')}`.trimEnd()
  return [head, ...rows].map(line).join('\n')
}
