const STEPS: Readonly<Record<string, 1 | -1 | 'first' | 'last'>> = {
  ArrowDown: 1,
  ArrowRight: 1,
  ArrowUp: -1,
  ArrowLeft: -1,
  Home: 'first',
  End: 'last',
}

/**
 * Makes the items of a list one stop of the Tab key; arrows, Home and End go from one to the next. `refresh` MUST be called
 * when items have come or gone.
 */
export class Roving {
  readonly #root: HTMLElement
  readonly #selector: string

  constructor(root: HTMLElement, selector: string) {
    this.#root = root
    this.#selector = selector
    root.addEventListener('keydown', (event) => this.#move(event))
    root.addEventListener('focusin', (event) => {
      const item = (event.target as HTMLElement).closest<HTMLElement>(selector)
      if (item !== null) this.#stopAt(item)
    })
  }

  refresh(): void {
    const items = this.#items
    const stops = items.filter(({ tabIndex }) => tabIndex === 0)
    if (items.length > 0 && (stops.length !== 1 || items.some((item) => !item.hasAttribute('tabindex'))))
      this.#stopAt(
        items.includes(document.activeElement as HTMLElement) ? (document.activeElement as HTMLElement) : items[0]!,
      )
  }

  get #items(): HTMLElement[] {
    return [...this.#root.querySelectorAll<HTMLElement>(this.#selector)]
  }

  #stopAt(stop: HTMLElement): void {
    for (const item of this.#items) item.setAttribute('tabindex', item === stop ? '0' : '-1')
  }

  #move(event: KeyboardEvent): void {
    const step = STEPS[event.key]
    const items = this.#items
    const at = items.indexOf(document.activeElement as HTMLElement)
    if (step === undefined || at === -1 || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    const next = step === 'first' ? 0 : step === 'last' ? items.length - 1 : (at + step + items.length) % items.length
    items[next]!.focus()
  }
}
