import { numberFields, stepMs, type WindowTopic } from '../model/topics.ts'
import type { WindowSeries } from '../model/window-series.ts'
import { DataTable } from './data-table.ts'
import { formatTime, formatValue } from './format.ts'

/** Windows of a key that a table shows. */
const ROWS = 20

/** The numbers of a chart: of a window by key the latest result of each line, of one over all keys its last results. */
export class WindowTable {
  readonly root: HTMLElement
  readonly #topic: WindowTopic
  readonly #series: WindowSeries
  readonly #fields: readonly string[]
  readonly #table: DataTable

  constructor(topic: WindowTopic, series: WindowSeries) {
    this.#topic = topic
    this.#series = series
    this.#fields = numberFields(topic)
    const numbers = this.#fields.map((title) => ({ title, isNumber: true }) as const)
    const first = topic.window.groupBy === 'all' ? [{ title: 'Window' }] : [{ title: 'Key' }, { title: 'Window' }]
    this.#table = new DataTable(`Results of ${topic.name}`, [...first, ...numbers])
    this.root = this.#table.root
    this.root.classList.add('window-table')
  }

  draw(keys: readonly string[]): void {
    this.#table.draw(
      this.#topic.window.groupBy === 'all' ? this.#windows(keys) : keys.flatMap((key) => this.#latest(key)),
    )
  }

  #latest(key: string): { readonly cells: readonly string[] }[] {
    const pane = this.#series.latest(key)
    if (pane === undefined) return []
    const values = this.#fields.map((field) => text(pane.value[field]))
    return [{ cells: [key, this.#time(pane.start), ...values] }]
  }

  #windows(keys: readonly string[]): { readonly cells: readonly string[] }[] {
    const columns = this.#fields.map((field) => this.#series.columns(field, keys))
    const starts = columns[0]?.starts ?? []
    const rows = starts.map((start, i) => {
      const values = columns.map(({ values }) => text(values[0]?.[i] ?? undefined))
      return { cells: [this.#time(start), ...values] }
    })
    return rows.slice(-ROWS).reverse()
  }

  #time(start: number): string {
    return formatTime(start, stepMs(this.#topic))
  }
}

function text(value: number | undefined): string {
  return value === undefined ? '–' : formatValue(value)
}
