const SVG = 'http://www.w3.org/2000/svg'
const HEIGHT = 24
/** Keeps the stroke inside at both ends. */
const MARGIN = 2

/** A small line of recent values without axes; what it shows stands beside it in numbers. */
export class Sparkline {
  readonly root: SVGSVGElement
  readonly #line = document.createElementNS(SVG, 'path')
  readonly #area = document.createElementNS(SVG, 'path')

  constructor(points: number) {
    this.root = document.createElementNS(SVG, 'svg')
    this.root.setAttribute('class', 'sparkline')
    this.root.setAttribute('viewBox', `0 0 ${points - 1} ${HEIGHT}`)
    this.root.setAttribute('preserveAspectRatio', 'none')
    this.root.setAttribute('aria-hidden', 'true')
    this.#line.setAttribute('class', 'line')
    this.#area.setAttribute('class', 'area')
    this.root.append(this.#area, this.#line)
  }

  draw(values: readonly number[]): void {
    const highest = Math.max(1, ...values)
    const y = (value: number) => (HEIGHT - MARGIN - (value / highest) * (HEIGHT - 2 * MARGIN)).toFixed(1)
    const path = values.map((value, x) => `${x === 0 ? 'M' : 'L'}${x} ${y(value)}`).join('')
    this.#line.setAttribute('d', path)
    this.#area.setAttribute('d', `${path}V${HEIGHT}H0Z`)
  }
}
