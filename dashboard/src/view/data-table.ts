import { element } from './element.ts'

export interface DataColumn {
  readonly title: string
  readonly isNumber?: true
}

export interface DataRow {
  /** One for each column; the first one names the row. */
  readonly cells: readonly string[]
  /** Something is wrong with what it shows. */
  readonly isBad?: boolean
}

/** A table of text that scrolls sideways where it does not fit. */
export class DataTable {
  readonly root: HTMLElement
  readonly #columns: readonly DataColumn[]
  readonly #body = element('tbody')
  #drawn = ''

  /** @param label what it is a table of */
  constructor(label: string, columns: readonly DataColumn[]) {
    this.#columns = columns
    const head = columns.map((column) => element('th', { scope: 'col', ...numberClass(column) }, column.title))
    this.root = element(
      'div',
      { class: 'scroll', role: 'region', 'aria-label': label, tabindex: '0' },
      element('table', { class: 'data-table' }, element('thead', {}, element('tr', {}, ...head)), this.#body),
    )
  }

  draw(rows: readonly DataRow[]): void {
    const drawn = JSON.stringify(rows)
    // Replacing equal rows would end a selection.
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#body.replaceChildren(...rows.map((row) => this.#row(row)))
  }

  #row({ cells, isBad }: DataRow): HTMLElement {
    const [name = '', ...others] = cells
    return element(
      'tr',
      isBad === true ? { class: 'bad' } : {},
      element('th', { scope: 'row' }, name),
      ...others.map((text, i) => element('td', numberClass(this.#columns[i + 1]!), text)),
    )
  }
}

function numberClass({ isNumber }: DataColumn): { readonly class: string } | Record<string, never> {
  return isNumber === true ? { class: 'number' } : {}
}
