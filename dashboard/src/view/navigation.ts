import { element } from './element.ts'
import type { View } from './view.ts'

interface NamedView {
  readonly name: string
  readonly title: string
  readonly view: View
}

/** Shows the view that the address names, `#/<name>/<place>`; the first one without a name. */
export class Navigation {
  readonly root = element('nav', { 'aria-label': 'Views' })
  readonly #views: readonly NamedView[]
  readonly #links: readonly HTMLAnchorElement[]
  #shown: NamedView | undefined

  constructor(views: readonly NamedView[]) {
    this.#views = views
    this.#links = views.map(({ name, title }) => element('a', { href: `#/${name}` }, title))
    this.root.append(...this.#links)
    for (const { view } of views) view.root.hidden = true
    addEventListener('hashchange', () => this.#follow())
    this.#follow()
  }

  draw(): void {
    this.#shown?.view.draw()
  }

  #follow(): void {
    const [name = '', ...place] = location.hash.replace(/^#\/?/, '').split('/').map(decoded)
    const next = this.#views.find((view) => view.name === name) ?? this.#views[0]!
    if (next !== this.#shown) {
      this.#shown?.view.hide()
      if (this.#shown !== undefined) this.#shown.view.root.hidden = true
      this.#shown = next
      next.view.root.hidden = false
      for (const [i, view] of this.#views.entries()) {
        if (view === next) this.#links[i]!.setAttribute('aria-current', 'page')
        else this.#links[i]!.removeAttribute('aria-current')
      }
    }
    next.view.show(next.name === name ? place : [])
    next.view.draw()
  }
}

/** An address within the page. */
export function addressOf(view: string, ...place: readonly string[]): string {
  return `#/${[view, ...place].map(encodeURIComponent).join('/')}`
}

/** Of a link that somebody may have typed. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}
