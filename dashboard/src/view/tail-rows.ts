import type { KeyStyles } from '../model/key-styles.ts'
import type { ReceivedEvent } from '../model/recent-events.ts'
import { MAX_ROWS } from '../model/tail.ts'
import { element } from './element.ts'
import { keyElement } from './key-element.ts'
import { Roving } from './roving.ts'
import { timeElement } from './time-element.ts'

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
    const summary = element(
      'summary',
      {},
      timeElement(event.time),
      keyElement(event.key, this.#styles),
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
