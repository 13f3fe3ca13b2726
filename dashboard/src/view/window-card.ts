import { stepMs, type WindowTopic } from '../model/topics.ts'
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
  readonly #stepMs: number
  readonly #chart: WindowChart
  readonly #moment = element('span', { class: 'moment' })
  readonly #empty: HTMLElement
  #isVisible = false
  #drawn = 0

  constructor(topic: WindowTopic, series: WindowSeries) {
    const { groupBy } = topic.window
    this.#series = series
    this.#stepMs = stepMs(topic)
    const context = { topic, series, onMoment: (start: number | undefined) => this.#showMoment(start) }
    this.#chart = groupBy === 'all' ? new TotalsChart(context) : new KeyedChart(context)
    this.#chart.root.hidden = true
    const inputs = topic.from.join(', ')
    this.#empty = element(
      'p',
      { class: 'empty' },
      `No results yet. ${lengthOf(topic)} is shown when it is complete: publish to ${inputs}, and again after it ended.`,
    )
    this.root = element(
      'article',
      { class: 'panel card', 'data-topic': topic.name },
      element('h3', {}, topic.name, this.#moment),
      element('p', { class: 'caption' }, `${describeShape(topic)}, of ${inputs}, ${describeGroups(groupBy)}`),
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
    const [from, to] = [start, (start ?? 0) + this.#stepMs].map((ms) => formatTime(ms ?? 0, this.#stepMs))
    setText(this.#moment, start === undefined ? '' : `${from} to ${to}`)
  }
}

function describeShape({ window }: WindowTopic): string {
  switch (window.type) {
    case 'tumbling':
      return `every ${formatDuration(window.sizeMs)}`
    case 'hopping':
      return `${formatDuration(window.sizeMs)} long, every ${formatDuration(window.slideMs)}`
    case 'session':
      return `sessions, ended by ${formatDuration(window.gapMs)} of silence`
  }
}

function lengthOf({ window }: WindowTopic): string {
  return window.type === 'session' ? 'A session' : `A window of ${formatDuration(window.sizeMs)}`
}

function describeGroups(groupBy: WindowTopic['window']['groupBy']): string {
  if (groupBy === 'key') return 'by key'
  return groupBy === 'all' ? 'over all keys' : `by ${groupBy.field}`
}
