import type { KeyStyles } from '../model/key-styles.ts'
import type { WindowTopic } from '../model/topics.ts'
import type { Columns, WindowSeries } from '../model/window-series.ts'

/** What a card shows its series with. */
export interface WindowChart {
  readonly root: HTMLElement
  /** The keys that are drawn. */
  readonly keys: readonly string[]
  draw(): void
}

export interface ChartContext {
  readonly topic: WindowTopic
  readonly series: WindowSeries
  /** Of all charts of the page. */
  readonly styles: KeyStyles
  /** The start of the window whose values are shown in numbers; undefined for the latest ones. */
  readonly onMoment: (start: number | undefined) => void
}

/** A pane field in words, with what it aggregates: `avg of temperature`, `revenue, sum of amount`. */
export function describeField({ window }: WindowTopic, name: string): string {
  const { fn, field } = window.aggregate[name]!
  const formula = field === undefined ? fn : `${fn} of ${field}`
  return formula.startsWith(name) ? formula : `${name}, ${formula}`
}

/** The value of a line in one window, or its latest. */
export function valueAt({ values }: Columns, line: number, index: number | undefined): number | undefined {
  const column = values[line] ?? []
  const value = index === undefined ? column.findLast((candidate) => candidate !== null) : column[index]
  return value ?? undefined
}
