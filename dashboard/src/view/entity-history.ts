import { HISTORY_PAGE, type HistoryLine, type HistoryPage } from '../model/entity-watch.ts'
import { element, setText } from './element.ts'
import { formatCount } from './format.ts'
import { timeElement } from './time-element.ts'

export interface HistoryActions {
  readonly onChoose: (version: number) => void
  /** @param first version of the oldest event of the page */
  readonly onTurn: (first: number) => void
}

/** The events of an entity, newest first, a page at a time. */
export class EntityHistory {
  readonly root: HTMLElement
  readonly #actions: HistoryActions
  readonly #rows = element('tbody')
  readonly #place = element('span', { class: 'caption' })
  readonly #newer = element('button', { type: 'button' }, 'Newer')
  readonly #older = element('button', { type: 'button' }, 'Older')
  #first = 1
  /** Of what the rows show. */
  #drawn = ''

  constructor(actions: HistoryActions) {
    this.#actions = actions
    this.#newer.addEventListener('click', () => actions.onTurn(this.#first + HISTORY_PAGE))
    this.#older.addEventListener('click', () => actions.onTurn(this.#first - HISTORY_PAGE))
    const columns = ['Version', 'Event', 'Data', 'Time', 'Command']
    const head = columns.map((name) => element('th', { scope: 'col' }, name))
    this.root = element(
      'section',
      { class: 'history', 'aria-label': 'History' },
      element(
        'div',
        { class: 'scroll' },
        element('table', {}, element('thead', {}, element('tr', {}, ...head)), this.#rows),
      ),
      element('div', { class: 'pager' }, this.#place, this.#newer, this.#older),
    )
  }

  /** @param version the one that is shown @param newest version of the entity */
  draw({ first, events }: HistoryPage, version: number, oldest: number, newest: number): void {
    this.#first = first
    const last = first + events.length - 1
    setText(this.#place, `Events ${formatCount(last)} to ${formatCount(first)} of ${formatCount(newest)}`)
    this.#newer.disabled = last >= newest
    // The state before the oldest event is the oldest one, unless there is none.
    this.#older.disabled = first <= (oldest === 1 ? 1 : oldest + 1)
    const drawn = JSON.stringify([events, version])
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    // Replacing what has the focus would take it away.
    const focused = (document.activeElement as HTMLElement | null)?.dataset.version
    this.#rows.replaceChildren(...events.toReversed().map((event) => this.#row(event, event.version === version)))
    if (focused !== undefined) this.#rows.querySelector<HTMLElement>(`[data-version="${focused}"]`)?.focus()
  }

  clear(): void {
    this.#drawn = ''
    this.#rows.replaceChildren()
  }

  #row({ version, type, data, failed, time, commandId }: HistoryLine, isShown: boolean): HTMLElement {
    const choose = element(
      'button',
      { type: 'button', 'data-version': String(version), title: 'Show the state at this version' },
      formatCount(version),
    )
    choose.addEventListener('click', () => this.#actions.onChoose(version))
    const text = failed ?? (data === undefined ? '' : JSON.stringify(data))
    return element(
      'tr',
      isShown ? { 'aria-current': 'true' } : {},
      element('td', {}, choose),
      element('th', { scope: 'row' }, type),
      element('td', { class: 'data' }, element('code', { title: text }, text === '{}' ? '' : text)),
      element('td', {}, timeElement(time)),
      element('td', {}, element('code', { class: 'id', title: commandId }, commandId)),
    )
  }
}
