import type { Monitor } from '../model/monitor.ts'
import { stepMs, type WindowTopic } from '../model/topics.ts'
import type { WindowSeries } from '../model/window-series.ts'
import { element, setText } from './element.ts'
import { formatAge, formatCount, formatDuration, formatTime } from './format.ts'
import { KeyedChart } from './keyed-chart.ts'
import { TotalsChart } from './totals-chart.ts'
import type { WindowChart } from './window-chart.ts'
import { WindowTable } from './window-table.ts'

/** Results of one moment come in several messages: they are drawn together. */
const DRAW_EVERY_MS = 900

/**
 * One window topic: its chart, or its numbers, and how far it is. Draws when there is something new and it can be seen. Its first
 * results are drawn out of sight too: nothing there says that there are none, and the page does not grow while somebody scrolls.
 */
export class WindowCard {
  readonly root: HTMLElement
  readonly #topic: WindowTopic
  readonly #monitor: Monitor
  readonly #series: WindowSeries
  readonly #stepMs: number
  readonly #chart: WindowChart
  readonly #table: WindowTable
  readonly #asTable = element('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false' }, 'Table')
  readonly #moment = element('span', { class: 'moment' })
  readonly #progress = element('p', { class: 'caption progress' })
  readonly #empty: HTMLElement
  #isVisible = false
  #drawn = 0
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(topic: WindowTopic, monitor: Monitor) {
    const { groupBy } = topic.window
    this.#topic = topic
    this.#monitor = monitor
    this.#series = monitor.series(topic.name)
    this.#stepMs = stepMs(topic)
    const context = {
      ...{ topic, series: this.#series, styles: monitor.keyStyles },
      onMoment: (start: number | undefined) => this.#showMoment(start),
    }
    this.#chart = groupBy === 'all' ? new TotalsChart(context) : new KeyedChart(context)
    this.#chart.root.hidden = true
    this.#table = new WindowTable(topic, this.#series)
    this.#table.root.hidden = true
    this.#asTable.hidden = true
    const inputs = topic.from.join(', ')
    this.#empty = element(
      'p',
      { class: 'empty' },
      `No results yet. ${lengthOf(topic)} is shown when it is complete: publish to ${inputs}, and again after it ended.`,
    )
    this.root = element(
      'article',
      { class: 'panel card', 'data-topic': topic.name },
      element('h3', {}, topic.name, this.#moment, this.#asTable),
      element('p', { class: 'caption' }, `${describeShape(topic)}, of ${inputs}, ${describeGroups(groupBy)}`),
      this.#progress,
      this.#empty,
      this.#chart.root,
      this.#table.root,
    )
    this.#asTable.addEventListener('click', () => {
      this.#asTable.setAttribute('aria-pressed', String(!this.#isTable))
      this.#drawn = 0
      this.#drawnAt = Number.NEGATIVE_INFINITY
      this.draw()
    })
    new IntersectionObserver((entries) => {
      this.#isVisible = entries.at(-1)!.isIntersecting
      this.draw()
    }).observe(this.root)
  }

  /** Whether `draw` would draw anything. */
  get isDue(): boolean {
    const isRested = performance.now() - this.#drawnAt >= DRAW_EVERY_MS
    const isWanted = this.#isVisible || this.#drawn === 0
    return isWanted && isRested && this.#drawn !== this.#series.version
  }

  draw(): void {
    if (!this.isDue) return
    this.#drawn = this.#series.version
    this.#drawnAt = performance.now()
    this.#empty.hidden = true
    this.#asTable.hidden = false
    this.#chart.root.hidden = this.#isTable
    this.#table.root.hidden = !this.#isTable
    this.#chart.draw()
    if (this.#isTable) this.#table.draw(this.#chart.keys)
  }

  /** How far the window is, and what came too late for it. */
  drawProgress(): void {
    setText(this.#progress, progressOf(this.#monitor, this.#topic.name))
  }

  get #isTable(): boolean {
    return this.#asTable.getAttribute('aria-pressed') === 'true'
  }

  #showMoment(start: number | undefined): void {
    const [from, to] = [start, (start ?? 0) + this.#stepMs].map((ms) => formatTime(ms ?? 0, this.#stepMs))
    setText(this.#moment, start === undefined ? '' : `${from} to ${to}`)
  }
}

function progressOf({ operations, rates }: Monitor, window: string): string {
  const late = rates.read(`${window}.late`).total
  const delay = operations.kind === 'shown' ? operations.status.windows.find((one) => one.window === window) : undefined
  const parts = [
    ...(delay === undefined ? [] : [watermarkText(delay)]),
    ...(rates.isKnown ? [`${late === 0 ? 'nothing' : formatCount(late)} late`] : []),
  ]
  return parts.join(' · ')
}

function watermarkText({ delayMs, partition }: { readonly delayMs: number; readonly partition: number }): string {
  return delayMs === 0 ? 'nothing open' : `watermark ${formatAge(delayMs)} behind (partition ${partition})`
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
