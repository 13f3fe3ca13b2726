import type { GapLine } from '../model/gap-tally.ts'
import type { Monitor } from '../model/monitor.ts'
import { element } from './element.ts'
import { formatCount, formatTime } from './format.ts'
import { timeElement } from './time-element.ts'

const REASONS: Readonly<Record<GapLine['reason'], string>> = {
  overflow: 'this page or its connection was too slow',
  trimmed: 'older than what the topic retains',
  epoch: 'the log may have lost its newest events',
  reset: 'the position of this page is unknown',
  bus: 'Redis could not be read',
}

/** Which events this page did not get, and why. */
export class GapsPanel {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #list = element('ul', { class: 'gaps', id: 'gaps' })
  #shown = -1

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.root = element(
      'section',
      { class: 'panel', 'aria-labelledby': 'gaps-title' },
      element('h2', { id: 'gaps-title' }, 'Gaps'),
      this.#list,
    )
  }

  draw(): void {
    const { gaps, refusals } = this.#monitor
    const count = gaps.count + refusals.size
    if (count === this.#shown) return
    this.#shown = count
    const none = element('li', { class: 'empty' }, 'None: nothing was withheld from this page since it was opened.')
    const rows = [...[...refusals].map(refusal), ...gaps.lines.map(row)]
    this.#list.replaceChildren(...(rows.length === 0 ? [none] : rows))
  }
}

function refusal([selector, reason]: readonly [string, string]): HTMLElement {
  return element('li', { 'data-reason': 'refused' }, element('b', {}, selector), ` is not shown: ${reason}`)
}

function row({ topic, lane, reason, events, orMore, lastAtMs }: GapLine): HTMLElement {
  const what =
    orMore && events === 0 ? 'unknown number of events' : `${formatCount(events)}${orMore ? ' or more' : ''} events`
  return element(
    'li',
    { 'data-reason': reason },
    element('b', {}, topic),
    ` (${lane}): ${what} withheld, ${REASONS[reason]}. `,
    timeElement(lastAtMs, formatTime),
  )
}
