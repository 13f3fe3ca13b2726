import type { Monitor } from '../model/monitor.ts'
import { element } from './element.ts'
import { formatCount } from './format.ts'
import { addressOf } from './navigation.ts'

/** How the log of the dead letters of a topic ends. */
export const DEAD_LETTERS = '~dead'

/** Topics at whose events code of the application failed, with the way to their letters. */
export class DeadLettersPanel {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #list = element('ul', { class: 'dead-letters' })
  readonly #none = element('p', { class: 'empty' }, 'None since the workers started.')
  #drawn = ''

  constructor(monitor: Monitor) {
    this.#monitor = monitor
    this.root = element(
      'section',
      { class: 'panel live', 'data-section': 'Dead letters', 'aria-labelledby': 'dead-letters-title' },
      element('h2', { id: 'dead-letters-title' }, 'Dead letters'),
      this.#none,
      this.#list,
    )
  }

  draw(): void {
    const topics = this.#monitor.rates.endingIn(DEAD_LETTERS)
    const drawn = JSON.stringify(topics)
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#none.hidden = topics.length > 0
    this.#list.replaceChildren(...topics.map(row))
  }
}

function row({ name, total }: { readonly name: string; readonly total: number }): HTMLElement {
  const link = element('a', { href: addressOf('dead-letters', name) }, name)
  return element('li', {}, link, ` ${formatCount(total)} since the workers started.`)
}
