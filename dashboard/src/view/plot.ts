import uPlot from 'uplot'
import type { Columns } from '../model/window-series.ts'
import { formatTick, formatTime } from './format.ts'
import { lineStyle, onSchemeChange, themeColor } from './theme.ts'

/** The time axis shows at least this many windows, so that the first results do not fill it. */
const MIN_WINDOWS = 20
const AXIS_FONT = '11px system-ui, sans-serif'
const Y_AXIS_PX = 52
/** Half of a time with seconds, which may stand below the end of the axis. */
const TIME_HALF_PX = 28
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** uPlot's own steps lack those of two. */
const TIME_STEPS_MS = [
  ...[1, 10, 100],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 5, 10, 30, 100].map((n) => n * DAY),
]
/** From so many lines on each is one pixel of the screen wide: wider ones take a browser without a GPU four times as long. */
const THIN_FROM = 31
/** How near the pointer must be to a line to bring it out. */
const FOCUS_PX = 24

export interface PlotLine {
  readonly id: string
  /** What tells it from others: see `lineStyle`. */
  readonly style: number
  readonly visible: boolean
}

interface PlotOptions {
  readonly kind: 'lines' | 'bars'
  readonly heightPx: number
  readonly windowMs: number
  /** Plots of one group share their cursor. */
  readonly cursorGroup: string
  /** The styles of the lines, asked again when the colour scheme changes. */
  readonly lines: () => readonly PlotLine[]
  /** Index of the window under the pointer, or undefined when it left. */
  readonly onCursor: (index: number | undefined) => void
  /** The line that is brought out, or undefined when none is. */
  readonly onFocus?: (line: number | undefined) => void
}

/** A uPlot that follows its host's width, its lines and the colour scheme. */
export class Plot {
  readonly #host: HTMLElement
  readonly #options: PlotOptions
  #chart: uPlot | undefined
  #columns: Columns = { starts: [], values: [] }
  /** What the chart was built for: lines are restyled by building it anew. */
  #built = ''

  constructor(host: HTMLElement, options: PlotOptions) {
    this.#host = host
    this.#options = options
    new ResizeObserver(() => this.#resize()).observe(host)
    onSchemeChange(() => this.#build())
  }

  draw(columns: Columns): void {
    this.#columns = columns
    this.#host.dataset.points = String(countPoints(columns))
    const wanted = this.#options.lines().map(({ id, style, visible }) => `${id} ${style} ${visible}`)
    if (wanted.join('\n') !== this.#built || this.#chart === undefined) this.#build()
    else this.#chart.setData(aligned(columns))
  }

  /** Brings one line out, or none. */
  focus(line: number | undefined): void {
    if (line === undefined) this.#chart?.setSeries(null, { focus: true })
    else this.#chart?.setSeries(line + 1, { focus: true })
  }

  #resize(): void {
    const width = this.#host.clientWidth
    if (this.#chart === undefined) this.#build()
    else if (width > 0 && width !== this.#chart.width) this.#chart.setSize({ width, height: this.#options.heightPx })
  }

  #build(): void {
    const width = this.#host.clientWidth
    this.#chart?.destroy()
    this.#chart = undefined
    if (width === 0 || this.#columns.starts.length === 0) return
    const lines = this.#options.lines()
    this.#built = lines.map(({ id, style, visible }) => `${id} ${style} ${visible}`).join('\n')
    this.#chart = new uPlot(this.#chartOptions(width, lines), aligned(this.#columns), this.#host)
  }

  #chartOptions(width: number, lines: readonly PlotLine[]): uPlot.Options {
    const { kind, heightPx: height, windowMs, cursorGroup, onCursor, onFocus } = this.#options
    const axis = { stroke: themeColor('muted'), font: AXIS_FONT, ticks: { show: false } }
    const grid = { stroke: themeColor('grid'), width: 1 }
    return {
      width,
      height,
      ms: 1,
      padding: [8, TIME_HALF_PX, 0, 0],
      legend: { show: false },
      focus: { alpha: 0.2 },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        focus: { prox: kind === 'lines' ? FOCUS_PX : -1 },
        points: { size: 6 },
        sync: { key: cursorGroup, setSeries: false },
      },
      scales: {
        x: { range: (_, oldest, newest) => timeRange(oldest, newest, windowMs) },
        y: { range: kind === 'bars' ? (_, least, most) => rangeFromZero(least, most) : LINE_RANGE },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 60,
          size: 30,
          gap: 8,
          incrs: TIME_STEPS_MS,
          values: (_, ticks, _axis, _space, step) => ticks.map((ms) => formatTime(ms, step)),
        },
        { ...axis, grid, size: Y_AXIS_PX, space: 36, values: (_, ticks) => ticks.map(formatTick) },
      ],
      series: [
        {},
        ...lines.map((line) => (kind === 'bars' ? barSeries(line) : lineSeries(line, lineWidth(lines.length)))),
      ],
      hooks: {
        setCursor: [({ cursor }) => onCursor(cursor.idx ?? undefined)],
        setSeries: [(_, series) => onFocus?.(series === null ? undefined : series - 1)],
      },
    }
  }
}

function timeRange(oldest: number, newest: number, windowMs: number): uPlot.Range.MinMax {
  const end = newest + windowMs
  return [Math.min(oldest, end - MIN_WINDOWS * windowMs), end]
}

const LINE_RANGE: uPlot.Range.Config = { min: { pad: 0.1 }, max: { pad: 0.1 } }

/** The length of a bar is its value. */
function rangeFromZero(least: number, most: number): uPlot.Range.MinMax {
  const room = 1.1
  return least === most && most === 0 ? [0, 1] : [Math.min(0, least * room), Math.max(0, most * room)]
}

function lineWidth(lines: number): number {
  return lines < THIN_FROM ? 1.5 : 1 / devicePixelRatio
}

function lineSeries({ style, visible }: PlotLine, width: number): uPlot.Series {
  const { color, dash } = lineStyle(style)
  return {
    stroke: color,
    width,
    dash: [...dash],
    show: visible,
    points: { show: false, size: 5, fill: color, filter: isolatedPoints },
  }
}

function barSeries({ style, visible }: PlotLine): uPlot.Series {
  const { color } = lineStyle(style)
  const paths = uPlot.paths.bars!({ size: [0.8, 28], align: 1, radius: 0.15 })
  return { stroke: color, fill: color, width: 0, show: visible, paths, points: { show: false } }
}

/** A point without neighbours is no line: it would not be seen. */
function isolatedPoints(chart: uPlot, line: number): number[] {
  const values = chart.data[line]!
  const has = (index: number) => (values[index] ?? null) !== null
  return [...values.keys()].filter((index) => has(index) && !has(index - 1) && !has(index + 1))
}

function aligned({ starts, values }: Columns): uPlot.AlignedData {
  return [[...starts], ...values.map((column) => [...column])]
}

function countPoints({ values }: Columns): number {
  return values.reduce((sum, column) => sum + column.filter((value) => value !== null).length, 0)
}
