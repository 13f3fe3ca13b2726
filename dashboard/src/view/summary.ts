import type { Monitor } from '../model/monitor.ts'
import { HISTORY_SECONDS } from '../model/rate-meter.ts'
import { element, setText } from './element.ts'
import { formatCount, formatRate } from './format.ts'
import { Sparkline } from './sparkline.ts'

/** The numbers that tell at a glance whether all is well. */
export class Summary {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #rate = element('dd', { id: 'total-rate' })
  readonly #received = element('dd')
  readonly #urgent = element('dd')
  readonly #withheld = element('dd')
  readonly #withheldTile: HTMLElement
  readonly #sparkline = new Sparkline(HISTORY_SECONDS)

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.#withheldTile = tile('Withheld', this.#withheld)
    const rateTile = tile('Events per second', this.#rate)
    rateTile.classList.add('wide')
    rateTile.append(this.#sparkline.root)
    this.root = element(
      'dl',
      { class: 'summary' },
      rateTile,
      tile('Received', this.#received),
      tile('High priority', this.#urgent),
      this.#withheldTile,
    )
  }

  draw(nowMs: number): void {
    const { rates, urgent, gaps } = this.#monitor
    const { perSecond, total, history } = rates.readTotal(nowMs)
    setText(this.#rate, formatRate(perSecond))
    setText(this.#received, formatCount(total))
    setText(this.#urgent, formatCount(urgent.count))
    const { events, orMore } = gaps.total
    setText(this.#withheld, `${formatCount(events)}${orMore ? ' or more' : ''}`)
    this.#withheldTile.classList.toggle('alert', gaps.count > 0)
    this.#sparkline.draw(history)
  }
}

function tile(label: string, value: HTMLElement): HTMLElement {
  return element('div', { class: 'tile' }, element('dt', {}, label), value)
}
