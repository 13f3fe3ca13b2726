import { textOf } from '../tables.ts'
import { escapeText, line, place, svg, text } from './svg.ts'

export interface Bar {
  readonly name: string
  readonly value: number
  /** Whether it is Tidegate's, and not what it is measured beside. */
  readonly isOwn: boolean
}

const WIDTH = 760
const NAMES = 210
const VALUES = 90
const ROW = 26
const THICKNESS = 14
const TOP = 8

/**
 * Bars from a common zero, each with its value at its end.
 *
 * @param mark a value that all are compared with
 */
export function bars(
  label: string,
  rows: readonly Bar[],
  mark?: { readonly value: number; readonly name: string },
): string {
  const room = WIDTH - NAMES - VALUES
  const largest = Math.max(...rows.map(({ value }) => value), mark?.value ?? 0)
  const x = (value: number) => NAMES + (value / largest) * room
  const bottom = TOP + rows.length * ROW
  const drawn = rows.map(({ name, value, isOwn }, i) => {
    const y = TOP + i * ROW + (ROW - THICKNESS) / 2
    const middle = y + THICKNESS - 3
    const width = Math.max(1, x(value) - NAMES)
    return [
      text(NAMES - 8, middle, name, { anchor: 'end', css: 'name' }),
      `<rect x="${NAMES}" y="${place(y)}" width="${place(width)}" height="${THICKNESS}" rx="2" class="${isOwn ? 'own' : 'other'}"><title>${escapeText(`${name}: ${textOf(value)}`)}</title></rect>`,
      text(x(value) + 6, middle, textOf(value), { css: 'value' }),
    ].join('')
  })
  const marked =
    mark === undefined
      ? ''
      : line(x(mark.value), TOP, x(mark.value), bottom, 'mark') +
        text(x(mark.value), bottom + 14, mark.name, { anchor: 'middle' })
  return svg(
    WIDTH,
    bottom + (mark === undefined ? 4 : 20),
    label,
    line(NAMES, TOP, NAMES, bottom, 'axis') + drawn.join('') + marked,
  )
}
