import { EntitySearch, type FoundEntity, type Search } from '../model/entity-search.ts'
import { stateFields } from '../model/state-fields.ts'
import { element, setText } from './element.ts'
import { formatCount } from './format.ts'

/** Fields of a found entity that stand beside its key. */
const SHOWN_FIELDS = 4

/** What a search of an index found. */
export class EntityFound {
  readonly root: HTMLElement
  readonly search: EntitySearch
  readonly #onOpen: (key: string) => void
  readonly #summary = element('p', { class: 'caption', role: 'status' })
  readonly #list = element('ul')
  readonly #more = element('button', { type: 'button' }, 'More')
  readonly #clear = element('button', { type: 'button' }, 'Close')

  constructor(onOpen: (key: string) => void) {
    this.#onOpen = onOpen
    this.search = new EntitySearch(() => this.#draw())
    this.#more.addEventListener('click', () => void this.search.more())
    this.#clear.addEventListener('click', () => this.search.clear())
    const head = element('div', { class: 'found-head' }, this.#summary, this.#more, this.#clear)
    this.root = element('div', { class: 'found', id: 'found' }, head, this.#list)
    this.#draw()
  }

  #draw(): void {
    const { search } = this.search
    this.root.hidden = search.kind === 'none'
    this.#summary.classList.toggle('bad', search.kind === 'failed')
    setText(this.#summary, summaryOf(search))
    const entities = search.kind === 'found' ? search.entities : []
    this.#more.hidden = search.kind !== 'found' || search.next === undefined
    this.#list.replaceChildren(...entities.map((entity) => this.#row(entity)))
  }

  #row(entity: FoundEntity): HTMLElement {
    const open = element('button', { type: 'button', class: 'chip' }, entity.key)
    open.addEventListener('click', () => this.#onOpen(entity.key))
    return element('li', {}, open, element('span', { class: 'caption' }, textOf(entity)))
  }
}

function textOf(entity: FoundEntity): string {
  if ('failed' in entity) return entity.failed
  const { fields } = stateFields(entity.view, undefined)
  const shown = fields.slice(0, SHOWN_FIELDS).map(({ name, value }) => `${name} ${value}`)
  return `version ${entity.version} · ${shown.join(' · ')}`
}

function summaryOf(search: Search): string {
  switch (search.kind) {
    case 'none':
      return ''
    case 'searching':
      return `Looking for ${search.what} …`
    case 'failed':
      return `The search for ${search.what} failed: ${search.message}`
    case 'found': {
      const { what, entities, next } = search
      if (entities.length === 0) return `No entity with ${what}.`
      return `${formatCount(entities.length)}${next === undefined ? '' : ' or more'} with ${what}:`
    }
  }
}
