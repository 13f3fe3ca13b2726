import type { KeyStyles } from '../model/key-styles.ts'
import type { ReceivedEvent } from '../model/recent-events.ts'
import { MAX_ROWS } from '../model/tail.ts'
import { element } from './element.ts'
import { formatDateTime } from './format.ts'
import { Roving } from './roving.ts'
import { swatchClass } from './theme.ts'

/** Events newest first, a line each that opens to the whole event. One stop of the Tab key. */
export class TailRows {
  readonly root = element('ol', { class: 'tail', id: 'tail', 'aria-label': 'Events' })
  readonly #styles: KeyStyles
  readonly #roving = new Roving(this.root, 'summary')

  constructor(styles: KeyStyles) {
    this.#styles = styles
  }

  /** @param fresh newest first */
  add(fresh: readonly ReceivedEvent[]): void {
    if (fresh.length === 0) return
    this.root.prepend(...fresh.map((event) => this.#row(event)))
    while (this.root.childElementCount > MAX_ROWS) this.root.lastElementChild!.remove()
    this.#roving.refresh()
  }

  clear(): void {
    this.root.replaceChildren()
  }

  #row(event: ReceivedEvent): HTMLElement {
    const style = this.#styles.known(event.key)
    const swatch = style === undefined ? [] : [element('span', { class: swatchClass(style) })]
    const summary = element(
      'summary',
      {},
      element('time', { datetime: new Date(event.time).toISOString() }, formatDateTime(event.time)),
      element('span', { class: 'key' }, ...swatch, event.key),
      element('span', { class: 'lane', 'data-lane': event.lane }, event.lane),
      element('code', {}, JSON.stringify(event.data) ?? ''),
    )
    const details = element('details', {}, summary)
    // Few of them are opened.
    details.addEventListener('toggle', () => {
      if (details.childElementCount > 1) return
      const { id, key, time, lane, at, data } = event
      details.append(element('pre', {}, JSON.stringify({ id, key, time, lane, at, data }, undefined, 2)))
    })
    return element('li', { 'data-id': event.id }, details)
  }
}
