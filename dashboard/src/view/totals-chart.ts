import { numberFields, stepMs } from '../model/topics.ts'
import type { Columns } from '../model/window-series.ts'
import { element, setText } from './element.ts'
import { formatValue } from './format.ts'
import { Plot } from './plot.ts'
import { type ChartContext, describeField, valueAt, type WindowChart } from './window-chart.ts'

/** Plots and their labels share a card's height, down to where bars can still be compared. */
const CARD_HEIGHT_PX = 340
const LABEL_HEIGHT_PX = 40
const MIN_HEIGHT_PX = 110

/** A window over all keys: bars per aggregate, one plot each, since sums and counts have no scale in common. */
export class TotalsChart implements WindowChart {
  readonly root = element('div', { class: 'chart' })
  readonly #context: ChartContext
  readonly #parts: readonly TotalsPart[]

  constructor(context: ChartContext) {
    this.#context = context
    const fields = numberFields(context.topic)
    const heightPx = Math.max(MIN_HEIGHT_PX, CARD_HEIGHT_PX / fields.length - LABEL_HEIGHT_PX)
    this.#parts = fields.map((field, slot) => new TotalsPart(context, field, slot, heightPx, (i) => this.#show(i)))
    this.root.append(...this.#parts.map(({ root }) => root))
  }

  get keys(): readonly string[] {
    return keysOf(this.#context)
  }

  draw(): void {
    for (const part of this.#parts) part.draw()
    this.#show(undefined)
  }

  #show(index: number | undefined): void {
    const starts = this.#parts[0]?.starts ?? []
    this.#context.onMoment(index === undefined ? undefined : starts[index])
    for (const part of this.#parts) part.showValue(index)
  }
}

class TotalsPart {
  readonly root: HTMLElement
  readonly #context: ChartContext
  readonly #field: string
  readonly #plot: Plot
  readonly #plotHost = element('div', { class: 'plot', role: 'img' })
  readonly #value = element('b', {})
  #columns: Columns = { starts: [], values: [] }

  constructor(
    context: ChartContext,
    field: string,
    slot: number,
    heightPx: number,
    onCursor: (index: number | undefined) => void,
  ) {
    this.#context = context
    this.#field = field
    const { topic } = context
    this.#plot = new Plot(this.#plotHost, {
      kind: 'bars',
      heightPx,
      windowMs: stepMs(topic),
      cursorGroup: topic.name,
      lines: () => [{ id: field, visible: true, style: slot }],
      onCursor,
    })
    const label = element('p', { class: 'total' }, `${describeField(context.topic, field)} `, this.#value)
    this.root = element('div', {}, label, this.#plotHost)
  }

  get starts(): readonly number[] {
    return this.#columns.starts
  }

  draw(): void {
    const { topic, series } = this.#context
    this.#columns = series.columns(this.#field, keysOf(this.#context))
    this.#plot.draw(this.#columns)
    this.#plotHost.setAttribute(
      'aria-label',
      `${topic.name}: ${describeField(topic, this.#field)} per window, as bars.`,
    )
  }

  showValue(index: number | undefined): void {
    const value = valueAt(this.#columns, 0, index)
    setText(this.#value, value === undefined ? '–' : formatValue(value))
  }
}

/** A window over all keys has one, whatever it is called. */
function keysOf({ series }: ChartContext): readonly string[] {
  return series.choose({ field: '', count: 1, search: '' })
}
