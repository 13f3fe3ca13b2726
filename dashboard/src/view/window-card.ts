import type { WindowTopic } from '../model/topics.ts'
import type { WindowSeries } from '../model/window-series.ts'
import { element, setText } from './element.ts'
import { formatDuration, formatTime } from './format.ts'
import { KeyedChart } from './keyed-chart.ts'
import { TotalsChart } from './totals-chart.ts'
import type { WindowChart } from './window-chart.ts'

/** The chart of one window topic. Draws when there is something new and it can be seen. */
export class WindowCard {
  readonly root: HTMLElement
  readonly #series: WindowSeries
  readonly #sizeMs: number
  readonly #chart: WindowChart
  readonly #moment = element('span', { class: 'moment' })
  readonly #empty: HTMLElement
  #isVisible = false
  #drawn = 0

  constructor(topic: WindowTopic, series: WindowSeries) {
    const { sizeMs, groupBy } = topic.window
    this.#series = series
    this.#sizeMs = sizeMs
    const context = { topic, series, onMoment: (start: number | undefined) => this.#showMoment(start) }
    this.#chart = groupBy === 'key' ? new KeyedChart(context) : new TotalsChart(context)
    this.#chart.root.hidden = true
    const size = formatDuration(sizeMs)
    this.#empty = element(
      'p',
      { class: 'empty' },
      `No results yet. A window of ${size} is shown when it is complete: publish to ${topic.from}, and again after it ended.`,
    )
    this.root = element(
      'article',
      { class: 'panel card', 'data-topic': topic.name },
      element('h3', {}, topic.name, this.#moment),
      element('p', { class: 'caption' }, `every ${size}, of ${topic.from}, ${GROUPS[groupBy]}`),
      this.#empty,
      this.#chart.root,
    )
    new IntersectionObserver((entries) => {
      this.#isVisible = entries.at(-1)!.isIntersecting
      this.draw()
    }).observe(this.root)
  }

  draw(): void {
    if (!this.#isVisible || this.#drawn === this.#series.version) return
    this.#drawn = this.#series.version
    this.#empty.hidden = true
    this.#chart.root.hidden = false
    this.#chart.draw()
  }

  #showMoment(start: number | undefined): void {
    const [from, to] = [start, (start ?? 0) + this.#sizeMs].map((ms) => formatTime(ms ?? 0, this.#sizeMs))
    setText(this.#moment, start === undefined ? '' : `${from} to ${to}`)
  }
}

const GROUPS = { key: 'by key', all: 'over all keys' } as const
