import { printable } from './printable.ts'

export interface Column {
  readonly title: string
  readonly align?: 'right'
  /** Gives way where the table is wider than the screen. */
  readonly isFlexible?: true
}

const GAP = 2
const LEAST_CHARS = 8

/** Lines of a table no wider than a screen: what does not fit into a flexible column is cut in its middle. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)))
  const gaps = GAP * (columns.length - 1)
  for (;;) {
    const tooWide = widths.reduce((sum, chars) => sum + chars, gaps) - width
    const widest = widestFlexible(columns, widths)
    if (tooWide <= 0 || widest === undefined) break
    widths[widest]!--
  }
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => {
        const fitted = shortened(text, widths[i]!)
        return columns[i]!.align === 'right' ? fitted.padStart(widths[i]!) : fitted.padEnd(widths[i]!)
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...cells.map(line)]
}

function widestFlexible(columns: readonly Column[], widths: readonly number[]): number | undefined {
  let widest: number | undefined
  for (const [i, { isFlexible }] of columns.entries()) {
    if (!isFlexible || widths[i]! <= LEAST_CHARS) continue
    if (widest === undefined || widths[i]! > widths[widest]!) widest = i
  }
  return widest
}

/** Names differ at their ends: host, process, number. */
function shortened(text: string, chars: number): string {
  if (text.length <= chars) return text
  const head = Math.floor((chars - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (chars - 1 - head))}`
}
