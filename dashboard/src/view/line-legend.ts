import { element, setText } from './element.ts'
import { formatValue } from './format.ts'
import { Roving } from './roving.ts'
import { swatchClass } from './theme.ts'

interface LegendLine {
  readonly id: string
  readonly style: number
  readonly visible: boolean
}

interface LegendEvents {
  /** The pointer or the keyboard is on a line, or on none. */
  onFocus(line: number | undefined): void
  onToggle(id: string): void
}

/** Names, colours and values of the lines of a plot; each is a button that hides its line. All are one stop of the Tab key. */
export class LineLegend {
  readonly root = element('ul', { class: 'legend', 'aria-label': 'Lines' })
  readonly #events: LegendEvents
  readonly #roving = new Roving(this.root, 'button')
  #values: readonly HTMLElement[] = []
  #drawn = ''

  constructor(events: LegendEvents) {
    this.#events = events
  }

  /** Names the lines; rebuilt only when they changed, so that the focus of the keyboard stays where it is. */
  draw(lines: readonly LegendLine[]): void {
    const wanted = lines.map(({ id, style }) => `${id} ${style}`).join('\n')
    if (wanted !== this.#drawn) {
      this.#drawn = wanted
      const items = lines.map((line, index) => this.#item(line, index))
      this.#values = items.map(({ value }) => value)
      this.root.replaceChildren(...items.map(({ root }) => root))
      this.root.style.setProperty('--key-chars', String(Math.max(...lines.map(({ id }) => id.length))))
      this.#roving.refresh()
    }
    for (const [index, button] of [...this.root.querySelectorAll('button')].entries()) {
      const isPressed = String(lines[index]!.visible)
      // An equal one, too, would have its style computed anew.
      if (button.getAttribute('aria-pressed') !== isPressed) button.setAttribute('aria-pressed', isPressed)
    }
  }

  /** In the order of the lines; undefined for a line without a value. */
  showValues(values: readonly (number | undefined)[]): void {
    for (const [index, target] of this.#values.entries()) {
      const value = values[index]
      setText(target, value === undefined ? '–' : formatValue(value))
    }
  }

  /** Shows which line is brought out. */
  mark(line: number | undefined): void {
    for (const [index, item] of [...this.root.children].entries()) item.classList.toggle('marked', index === line)
  }

  #item({ id, style }: LegendLine, index: number): { readonly root: HTMLElement; readonly value: HTMLElement } {
    const swatch = element('span', { class: swatchClass(style) })
    const value = element('span', { class: 'value' })
    const button = element(
      'button',
      { type: 'button', title: id },
      swatch,
      element('span', { class: 'key' }, id),
      value,
    )
    button.addEventListener('click', () => this.#events.onToggle(id))
    // Not pointerenter: uPlot ends its own focus at mouseleave, which comes after it.
    for (const type of ['mouseenter', 'focus']) button.addEventListener(type, () => this.#events.onFocus(index))
    for (const type of ['mouseleave', 'blur']) button.addEventListener(type, () => this.#events.onFocus(undefined))
    return { root: element('li', {}, button), value }
  }
}
