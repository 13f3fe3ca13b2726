import type { TidegateClient } from '@tidegate/client'
import type { Entity } from '../model/entities.ts'
import type { FoundEntity } from '../model/entity-search.ts'
import type { EntitySource } from '../model/entity-watch.ts'
import type { Monitor } from '../model/monitor.ts'
import { element } from './element.ts'
import { EntityCard } from './entity-card.ts'
import { EntityFound } from './entity-found.ts'
import { labelled } from './labelled.ts'
import { addressOf } from './navigation.ts'

/** What this needs of a client. */
export type EntityClient = Pick<TidegateClient, 'entity' | 'queryPage'>

const FOUND_PAGE = 10

/** Picks an entity - by its key, by an index, or as one that has just changed - and shows it. */
export class EntitiesPanel {
  readonly root: HTMLElement
  readonly #monitor: Monitor
  readonly #client: EntityClient
  readonly #name = element('select', { id: 'entity-name' })
  readonly #key = element('input', { id: 'entity-key', required: '', autocomplete: 'off', spellcheck: 'false' })
  readonly #index = element('select', { id: 'entity-index' })
  readonly #value = element('input', { id: 'entity-value', required: '', autocomplete: 'off', spellcheck: 'false' })
  readonly #find: HTMLElement
  readonly #recent = element('div', { class: 'chips', 'aria-label': 'Changed just now' })
  readonly #found: EntityFound
  readonly #place = element('div', { class: 'entity-place' })
  #card: EntityCard | undefined
  #shownKeys = ''

  constructor(monitor: Monitor, client: EntityClient) {
    this.#monitor = monitor
    this.#client = client
    this.#found = new EntityFound((key) => this.#open(this.#name.value, key))
    this.#name.append(...monitor.entities.map(({ name }) => element('option', {}, name)))
    const pick = form('Open', labelled('Entity', this.#name), labelled('Key', this.#key))
    this.#find = form('Find', labelled('Index', this.#index), labelled('Value', this.#value))
    pick.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#open(this.#name.value, this.#key.value)
    })
    this.#find.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#search()
    })
    this.#name.addEventListener('change', () => this.#pickName())
    this.root = element(
      'section',
      { class: 'panel entities', id: 'entities', 'aria-labelledby': 'entities-title' },
      element('h2', { id: 'entities-title' }, 'Entities'),
    )
    if (monitor.entities.length === 0) {
      const text =
        'This config has no entities. Declare one with entity(...): its state and its history are shown here.'
      this.root.append(element('p', { class: 'empty' }, text))
      return
    }
    const forms = element('div', { class: 'entity-forms' }, pick, this.#find)
    this.root.append(forms, this.#recent, this.#found.root, this.#place)
    this.#pickName()
  }

  draw(): void {
    const keys = this.#monitor.recentKeys(this.#name.value)
    // A chip about to be clicked must not move.
    if (keys.join('\0') === this.#shownKeys || this.#recent.matches(':hover, :focus-within')) return
    this.#shownKeys = keys.join('\0')
    const chips = keys.map((key) => {
      const chip = element('button', { type: 'button', class: 'chip' }, key)
      chip.addEventListener('click', () => this.#open(this.#name.value, key))
      return chip
    })
    const label = keys.length > 0 ? [element('span', { class: 'caption' }, 'Changed just now')] : []
    this.#recent.replaceChildren(...label, ...chips)
  }

  get #entity(): Entity {
    return this.#monitor.entities.find(({ name }) => name === this.#name.value)!
  }

  #pickName(): void {
    const { key, indexes } = this.#entity
    this.#key.placeholder = key
    this.#find.hidden = indexes.length === 0
    this.#index.replaceChildren(...indexes.map((index) => element('option', {}, index)))
    this.#found.search.clear()
    if (this.#card === undefined) {
      const text = `Give the ${key} of ${aOr(this.#entity.name)}, or choose one that changes just now.`
      this.#place.replaceChildren(element('p', { class: 'empty' }, text))
    }
    this.draw()
  }

  #open(name: string, key: string): void {
    this.#key.value = key
    this.#card?.close()
    this.#card = new EntityCard(name, key, this.#client.entity(name, key) as unknown as EntitySource)
    this.#place.replaceChildren(this.#card.root)
    // So that a reload, or a link, shows it again.
    history.replaceState(null, '', addressOf('entities', name, key))
  }

  /** Shows the entity that an address names, if it exists. */
  openLinked(name: string, key: string): void {
    if (key === '' || !this.#monitor.entities.some((entity) => entity.name === name)) return
    if (this.#card?.isOf(name, key) === true) return
    this.#name.value = name
    this.#pickName()
    this.#open(name, key)
  }

  /** Follows the entity no longer. */
  close(): void {
    this.#card?.close()
    this.#card = undefined
    this.#place.replaceChildren()
  }

  #search(): void {
    const { name } = this.#entity
    const [index, value] = [this.#index.value, this.#value.value]
    void this.#found.search.start(`${index} ${JSON.stringify(value)}`, async (after) => {
      const params = { name, index, value, limit: FOUND_PAGE, ...(after !== undefined && { after }) }
      const { data, next } = await this.#client.queryPage('findEntities', params)
      return { entities: data as readonly FoundEntity[], next }
    })
  }
}

function form(action: string, ...fields: readonly HTMLElement[]): HTMLFormElement {
  return element('form', {}, ...fields, element('button', {}, action))
}

function aOr(name: string): string {
  return `${/^[aeio]/.test(name) ? 'an' : 'a'} ${name}`
}
