import { numberFields, stepMs } from '../model/topics.ts'
import { type Columns, type Line, MAX_LINES } from '../model/window-series.ts'
import { element, setText } from './element.ts'
import { formatCount } from './format.ts'
import { LineLegend } from './line-legend.ts'
import { Plot, type PlotLine } from './plot.ts'
import { lineStyle } from './theme.ts'
import { type ChartContext, describeField, valueAt, type WindowChart } from './window-chart.ts'

const HEIGHT_PX = 220

/** A window per key: one line per key, of the aggregate that is picked. */
export class KeyedChart implements WindowChart {
  readonly root = element('div', { class: 'chart' })
  readonly #context: ChartContext
  readonly #plotHost = element('div', { class: 'plot', role: 'img' })
  readonly #plot: Plot
  readonly #legend: LineLegend
  readonly #others = element('p', { class: 'caption', hidden: '' })
  readonly #hiddenKeys = new Set<string>()
  #field: string
  #lines: readonly Line[] = []
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
      lines: () => this.#lines.map((line) => this.#plotLine(line)),
      onCursor: (index) => this.#showValues(index),
      onFocus: (line) => this.#legend.mark(line),
    })
    this.#legend = new LineLegend({
      onFocus: (line) => this.#plot.focus(line),
      onToggle: (key) => this.#toggle(key),
    })
    const picker = fields.length > 1 ? [this.#picker(fields)] : []
    this.root.append(...picker, this.#plotHost, this.#legend.root, this.#others)
  }

  draw(): void {
    const { topic, series } = this.#context
    this.#lines = series.lines
    this.#columns = series.columns(this.#field)
    this.#plot.draw(this.#columns)
    this.#legend.draw(this.#lines.map((line) => this.#plotLine(line)))
    this.#showValues(undefined)
    const { count, orMore } = series.otherKeys
    this.#others.hidden = count === 0
    const others = `${formatCount(count)}${orMore ? ' or more' : ''}`
    setText(this.#others, `The first ${MAX_LINES} keys are drawn; ${others} others have results too.`)
    this.#plotHost.setAttribute(
      'aria-label',
      `${topic.name}: ${describeField(topic, this.#field)}, ${this.#lines.length} keys. Their latest values follow.`,
    )
  }

  #plotLine({ key, slot }: Line): PlotLine {
    return { id: key, visible: !this.#hiddenKeys.has(key), ...lineStyle(slot) }
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
