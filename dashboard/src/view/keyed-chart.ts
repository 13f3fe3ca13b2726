import { numberFields, stepMs } from '../model/topics.ts'
import type { Columns } from '../model/window-series.ts'
import { element, setText } from './element.ts'
import { formatCount } from './format.ts'
import { LineLegend } from './line-legend.ts'
import { Plot, type PlotLine } from './plot.ts'
import { type ChartContext, describeField, valueAt, type WindowChart } from './window-chart.ts'

const HEIGHT_PX = 220
/** Lines that a chart may have, and that it begins with. */
const COUNTS = [10, 30, 100]
const FIRST_COUNT = 30
/** Below that all keys are seen at a glance. */
const SEARCH_FROM = 12

/** A window per key: one line per key, of the aggregate that is picked. Of many keys those with the largest values. */
export class KeyedChart implements WindowChart {
  readonly root = element('div', { class: 'chart' })
  readonly #context: ChartContext
  readonly #plotHost = element('div', { class: 'plot', role: 'img' })
  readonly #plot: Plot
  readonly #legend: LineLegend
  readonly #search = element('input', { type: 'search', placeholder: 'Find a key', 'aria-label': 'Find a key' })
  readonly #count = element('select', { 'aria-label': 'Lines' })
  readonly #others = element('p', { class: 'caption', hidden: '' })
  readonly #hiddenKeys = new Set<string>()
  #field: string
  #lines: readonly PlotLine[] = []
  #columns: Columns = { starts: [], values: [] }

  constructor(context: ChartContext) {
    this.#context = context
    const { topic } = context
    const fields = numberFields(topic)
    this.#field = fields[0]!
    this.#plot = new Plot(this.#plotHost, {
      kind: 'lines',
      heightPx: HEIGHT_PX,
      windowMs: stepMs(topic),
      cursorGroup: topic.name,
      lines: () => this.#lines,
      onCursor: (index) => this.#showValues(index),
      onFocus: (line) => this.#legend.mark(line),
    })
    this.#legend = new LineLegend({
      onFocus: (line) => this.#plot.focus(line),
      onToggle: (key) => this.#toggle(key),
    })
    for (const count of COUNTS) this.#count.append(element('option', { value: `${count}` }, `${count} lines`))
    this.#count.value = `${FIRST_COUNT}`
    this.#count.addEventListener('change', () => this.draw())
    this.#search.addEventListener('input', () => this.draw())
    const picker = fields.length > 1 ? [this.#picker(fields)] : []
    const tools = element('div', { class: 'chart-tools' }, ...picker, this.#search, this.#count)
    this.root.append(tools, this.#plotHost, this.#legend.root, this.#others)
  }

  get keys(): readonly string[] {
    return this.#lines.map(({ id }) => id)
  }

  draw(): void {
    const { topic, series, styles } = this.#context
    const { count, orMore } = series.keyCount
    const search = this.#search.value.trim()
    const keys = series.choose({ field: this.#field, count: Number(this.#count.value), search })
    const styleOf = styles.of(keys)
    this.#lines = keys.map((key, i) => ({ id: key, style: styleOf[i]!, visible: !this.#hiddenKeys.has(key) }))
    this.#columns = series.columns(this.#field, keys)
    this.#plot.draw(this.#columns)
    this.#legend.draw(this.#lines)
    this.#showValues(undefined)
    this.#search.hidden = count < SEARCH_FROM && search === ''
    this.#count.hidden = count <= COUNTS[0]!
    const isPart = keys.length < count
    this.#others.hidden = !isPart
    const all = `${formatCount(count)}${orMore ? ' or more' : ''} keys`
    const which = search === '' ? `those with the largest ${this.#field}` : 'found by their names'
    setText(this.#others, `${formatCount(keys.length)} of ${all}: ${which}.`)
    this.#plotHost.setAttribute(
      'aria-label',
      `${topic.name}: ${describeField(topic, this.#field)}, ${keys.length} keys. Their latest values follow.`,
    )
  }

  #toggle(key: string): void {
    if (!this.#hiddenKeys.delete(key)) this.#hiddenKeys.add(key)
    this.draw()
  }

  #showValues(index: number | undefined): void {
    this.#context.onMoment(index === undefined ? undefined : this.#columns.starts[index])
    this.#legend.showValues(this.#lines.map((_, line) => valueAt(this.#columns, line, index)))
  }

  #picker(fields: readonly string[]): HTMLElement {
    const { name } = this.#context.topic
    const choices = fields.map((field) => {
      const input = element('input', { type: 'radio', name: `${name} field`, value: field })
      input.checked = field === this.#field
      input.addEventListener('change', () => {
        this.#field = field
        this.draw()
      })
      return element('label', { title: describeField(this.#context.topic, field) }, input, element('span', {}, field))
    })
    return element('fieldset', { class: 'picker' }, element('legend', {}, 'Aggregate'), ...choices)
  }
}
