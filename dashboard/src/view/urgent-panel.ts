import { eventFields, type Field } from '../model/event-fields.ts'
import type { Monitor } from '../model/monitor.ts'
import { MAX_RECENT, type ReceivedEvent } from '../model/recent-events.ts'
import { element, setText } from './element.ts'
import { formatCount, formatTime, formatValue } from './format.ts'
import { timeElement } from './time-element.ts'

/** Events of the high lane as they arrive, newest first. */
export class UrgentPanel {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #list = element('ol', { class: 'events', id: 'urgent', tabindex: '0', 'aria-labelledby': 'urgent-title' })
  readonly #count = element('span', { class: 'count' })
  readonly #empty: HTMLElement
  #shown = 0

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.#empty = element(
      'p',
      { class: 'empty' },
      'Nothing urgent since this page was opened. Events that their topic’s priority rule calls high appear here as they arrive.',
    )
    this.root = element(
      'section',
      { class: 'panel', 'aria-labelledby': 'urgent-title' },
      element('h2', { id: 'urgent-title' }, 'High priority', this.#count),
      this.#empty,
      this.#list,
    )
  }

  draw(): void {
    const { urgent } = this.#monitor
    const fresh = urgent.since(this.#shown)
    this.#list.hidden = urgent.count === 0
    this.#empty.hidden = urgent.count > 0
    if (fresh.length === 0) return
    this.#shown = urgent.count
    this.#list.prepend(...fresh.map(row))
    while (this.#list.childElementCount > MAX_RECENT) this.#list.lastElementChild!.remove()
    const text = urgent.count > MAX_RECENT ? `last ${MAX_RECENT} of ${formatCount(urgent.count)}` : `${urgent.count}`
    setText(this.#count, text)
  }
}

function row(event: ReceivedEvent): HTMLElement {
  const { fields, more } = eventFields(event.data)
  const time = timeElement(event.time, formatTime)
  const head = element(
    'div',
    { class: 'event-head' },
    time,
    element('b', {}, event.topic),
    element('code', {}, event.key),
  )
  const data = element('dl', { class: 'fields' }, ...fields.map(fieldElement))
  if (more > 0) data.append(element('span', { class: 'more' }, `and ${more} more`))
  return element('li', { 'data-topic': event.topic, 'data-id': event.id }, head, data)
}

function fieldElement({ name, value }: Field): HTMLElement {
  const text = typeof value === 'number' ? formatValue(value) : String(value)
  return element('div', {}, element('dt', {}, name), element('dd', {}, text))
}
