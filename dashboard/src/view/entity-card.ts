import { type EntitySource, EntityWatch, type Moment, type Watched } from '../model/entity-watch.ts'
import { stateFields } from '../model/state-fields.ts'
import { element, setText } from './element.ts'
import { EntityHistory } from './entity-history.ts'
import { formatCount, formatDateTime, formatValue } from './format.ts'

type Shown = Extract<Watched, { kind: 'shown' }>

/** One entity: its state at the newest version or at one that is chosen, and its history. */
export class EntityCard {
  readonly root: HTMLElement
  readonly #watch: EntityWatch
  readonly #name: string
  readonly #status = element('span', { class: 'count', role: 'status' })
  readonly #notice = element('p', { class: 'empty' })
  readonly #again = element('button', { type: 'button' }, 'Read again')
  readonly #slider = element('input', { type: 'range', id: 'entity-version', min: '1', step: '1' })
  readonly #version = element('label', { for: 'entity-version' })
  readonly #time = element('time', { class: 'caption' })
  readonly #newest = element('button', { type: 'button' }, 'Newest')
  readonly #state = element('dl', { class: 'state', 'aria-label': 'State', tabindex: '0' })
  readonly #history: EntityHistory
  readonly #body: HTMLElement
  #before: Moment | undefined

  constructor(name: string, key: string, source: EntitySource) {
    this.#name = name
    this.#watch = new EntityWatch(source, () => this.#draw())
    this.#history = new EntityHistory({
      onChoose: (version) => this.#watch.choose(version),
      onTurn: (page) => this.#watch.turnTo(page),
    })
    const slider = element('div', { class: 'versions' }, this.#version, this.#slider, this.#newest, this.#time)
    const columns = element('div', { class: 'entity-columns' }, this.#state, this.#history.root)
    this.#body = element('div', { class: 'entity-body' }, slider, columns)
    this.root = element(
      'article',
      { class: 'entity', 'data-entity': name, 'data-key': key },
      element('h3', {}, `${name} `, element('code', { class: 'entity-key' }, key), this.#status),
      element('div', { class: 'entity-notice' }, this.#notice, this.#again),
      this.#body,
    )
    this.#slider.addEventListener('input', () => this.#watch.choose(this.#slider.valueAsNumber))
    this.#newest.addEventListener('click', () => {
      this.#watch.choose(Number.POSITIVE_INFINITY)
      // The button vanishes, and the focus must not go with it.
      this.#slider.focus()
    })
    this.#again.addEventListener('click', () => this.#watch.refresh())
    this.#draw()
  }

  isOf(name: string, key: string): boolean {
    return this.root.dataset.entity === name && this.root.dataset.key === key
  }

  close(): void {
    this.#watch.close()
  }

  #draw(): void {
    const { watched, isLive } = this.#watch
    this.root.dataset.kind = watched.kind
    setText(this.#status, statusOf(isLive))
    const notice = noticeOf(watched, this.#name, isLive)
    this.#notice.hidden = notice === undefined
    this.#notice.classList.toggle('bad', watched.kind === 'failed')
    setText(this.#notice, notice ?? '')
    this.#again.hidden = watched.kind !== 'failed' && isLive !== false
    // After a failure what was read last stays, so that another version can be chosen.
    this.#body.hidden = watched.kind !== 'shown' && (watched.kind !== 'failed' || this.#before === undefined)
    if (watched.kind === 'shown') this.#drawEntity(watched)
    else if (watched.kind === 'absent') this.#forget()
  }

  #drawEntity({ oldest, newest, shown, page }: Shown): void {
    const { isNewest } = this.#watch
    this.#slider.min = String(oldest)
    this.#slider.max = String(newest.version)
    // Somebody who moves it is ahead of what was read.
    const isMoved = !isNewest && document.activeElement === this.#slider
    if (!isMoved) this.#slider.value = String(shown.version)
    this.#slider.disabled = newest.version === oldest
    setText(this.#version, `Version ${formatCount(shown.version)} of ${formatCount(newest.version)}`)
    this.#slider.setAttribute('aria-valuetext', `version ${shown.version}`)
    this.#newest.hidden = isNewest
    setText(this.#time, formatDateTime(shown.time))
    this.#time.dateTime = new Date(shown.time).toISOString()
    this.root.dataset.version = String(shown.version)
    this.#drawState(shown)
    this.#history.draw(page, shown.version, oldest, newest.version)
  }

  /** Erased data must not stay in the page, hidden. */
  #forget(): void {
    this.#before = undefined
    this.#state.replaceChildren()
    this.#history.clear()
  }

  #drawState(shown: Moment): void {
    if (this.#before !== undefined && JSON.stringify(this.#before.view) === JSON.stringify(shown.view)) return
    const { fields, more } = stateFields(shown.view, this.#before?.view)
    this.#before = shown
    const rows = fields.map(({ name, value, isChanged }) => {
      const text = typeof value === 'number' ? formatValue(value) : value === '' ? '""' : String(value)
      return element('div', isChanged ? { class: 'changed' } : {}, element('dt', {}, name), element('dd', {}, text))
    })
    if (rows.length === 0) rows.push(element('div', {}, element('dt', {}, 'The state is empty.')))
    if (more > 0) rows.push(element('div', {}, element('dt', { class: 'more' }, `and ${more} more`)))
    this.#state.replaceChildren(...rows)
  }
}

function statusOf(isLive: boolean | undefined): string {
  if (isLive === undefined) return 'connecting'
  return isLive ? 'live' : 'not live'
}

function noticeOf(watched: Watched, name: string, isLive: boolean | undefined): string | undefined {
  switch (watched.kind) {
    case 'loading':
      return 'Reading …'
    case 'absent':
      return `No ${name} has this key.${isLive === true ? ' Its first event will appear here.' : ''}`
    case 'failed':
      return `It could not be read: ${watched.message}`
    case 'shown':
      return isLive === false
        ? `${name} does not publish its state, so changes are seen when it is read again.`
        : undefined
  }
}
