import { textOf } from '../tables.ts'
import { escapeText, line, place, svg, text } from './svg.ts'

export interface Series {
  readonly name: string
  /** One for each place on the x axis; `undefined` where there is none. */
  readonly values: readonly (number | undefined)[]
}

export interface LinesOptions {
  readonly label: string
  readonly unit: string
  /** Texts of the places on the x axis, of which as many are shown as there is room for. */
  readonly places: readonly string[]
  readonly series: readonly Series[]
  /** Whether each value has a point: a few that were measured, and not a course of time. */
  readonly hasPoints: boolean
}

const WIDTH = 360
const HEIGHT = 200
const LEFT = 52
const RIGHT = 70
const TOP = 26
const BOTTOM = 26
const TICKS = 4
const MAX_PLACES = 4

/** Lines over places that are equally far apart, from zero. Each is named at its end. */
export function lines({ label, unit, places, series, hasPoints }: LinesOptions): string {
  const top = niceTop(Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0))))
  const x = (i: number) => LEFT + (places.length < 2 ? 0.5 : i / (places.length - 1)) * (WIDTH - LEFT - RIGHT)
  const y = (value: number) => HEIGHT - BOTTOM - (Math.max(0, value) / top) * (HEIGHT - TOP - BOTTOM)
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => (top * i) / TICKS)
  const grid = ticks.map((tick) => line(LEFT, y(tick), WIDTH - RIGHT, y(tick), tick === 0 ? 'axis' : 'grid'))
  const scale = ticks.map((tick) => text(LEFT - 6, y(tick) + 4, textOf(tick), { anchor: 'end' }))
  const every = Math.ceil(places.length / MAX_PLACES)
  const names = places.map((name, i) => (i % every === 0 ? text(x(i), HEIGHT - 8, name, { anchor: 'middle' }) : ''))
  const ends = apart(series.map(({ values }) => y(values.findLast((value) => value !== undefined) ?? 0)))
  const drawn = series.map(({ name, values }, n) => {
    const points = values.flatMap((value, i) =>
      value === undefined ? [] : [{ value, x: x(i), y: y(value), place: places[i]! }],
    )
    const path = points.map((point) => `${place(point.x)},${place(point.y)}`).join(' ')
    const dots = points.map(
      (point) =>
        `<circle cx="${place(point.x)}" cy="${place(point.y)}" r="4" class="dot s${n}"><title>${escapeText(`${name}, ${point.place}: ${textOf(point.value)} ${unit}`)}</title></circle>`,
    )
    const title = text(WIDTH - RIGHT + 8, ends[n]! + 4, name, { css: `end e${n}` })
    return `<polyline points="${path}" class="line s${n}"/>${hasPoints ? dots.join('') : ''}${title}`
  })
  const heading = text(0, 12, unit)
  return svg(WIDTH, HEIGHT, label, [heading, ...grid, ...scale, ...names, ...drawn].join(''))
}

/** The next of 1, 2, 5, 10, ... above a value. */
function niceTop(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 4, 5, 10].map((factor) => factor * power).find((top) => top >= value)!
}

const LINE_HEIGHT = 13

/** Moves texts down that would stand on each other. */
function apart(ys: readonly number[]): number[] {
  const order = ys.map((_, i) => i).sort((a, b) => ys[a]! - ys[b]!)
  const placed = [...ys]
  for (let i = 1; i < order.length; i++) {
    const above = placed[order[i - 1]!]!
    placed[order[i]!] = Math.max(placed[order[i]!]!, above + LINE_HEIGHT)
  }
  return placed
}
