import type { TailQuery, TailRange } from '../model/tail-query.ts'
import { element } from './element.ts'
import { labelled } from './labelled.ts'

const MINUTE_MS = 60_000
const RANGES: readonly { readonly id: string; readonly title: string; readonly range: TailRange }[] = [
  { id: 'live', title: 'from now', range: { kind: 'live' } },
  { id: 'minute', title: 'last minute', range: { kind: 'last', ms: MINUTE_MS } },
  { id: 'minutes', title: 'last 10 minutes', range: { kind: 'last', ms: 10 * MINUTE_MS } },
  { id: 'hour', title: 'last hour', range: { kind: 'last', ms: 60 * MINUTE_MS } },
  { id: 'earliest', title: 'everything kept', range: { kind: 'earliest' } },
]
const BETWEEN = 'between'

/** Which events to show. What is left empty excludes nothing. */
export class TailForm {
  readonly root: HTMLFormElement
  readonly #key = text('tail-key', 'all')
  readonly #where = text('tail-where', 'data.amount > 100')
  readonly #range = element('select', { id: 'tail-range' })
  readonly #from = element('input', { id: 'tail-from', type: 'datetime-local', step: '1' })
  readonly #to = element('input', { id: 'tail-to', type: 'datetime-local', step: '1' })

  constructor(onAsk: (query: Omit<TailQuery, 'topic'>) => void) {
    for (const { id, title } of RANGES) this.#range.append(element('option', { value: id }, title))
    this.#range.append(element('option', { value: BETWEEN }, 'between …'))
    const times = element('div', { class: 'times', hidden: '' }, labelled('From', this.#from), labelled('To', this.#to))
    this.#range.addEventListener('change', () => {
      times.hidden = this.#range.value !== BETWEEN
      for (const input of [this.#from, this.#to]) input.required = !times.hidden
    })
    this.root = element(
      'form',
      { class: 'tail-form' },
      labelled('Key', this.#key),
      labelled('Filter', this.#where),
      labelled('Time', this.#range),
      times,
      element('button', {}, 'Show'),
    )
    this.root.addEventListener('submit', (event) => {
      event.preventDefault()
      onAsk({ key: this.#key.value, where: this.#where.value, range: this.#picked() })
    })
  }

  #picked(): TailRange {
    const named = RANGES.find(({ id }) => id === this.#range.value)
    if (named !== undefined) return named.range
    return { kind: 'between', from: localTime(this.#from), to: localTime(this.#to) }
  }
}

function text(id: string, placeholder: string): HTMLInputElement {
  return element('input', { id, placeholder, autocomplete: 'off', spellcheck: 'false' })
}

/** ms since 1970: what somebody reads from a clock on the wall. */
function localTime(input: HTMLInputElement): number {
  return new Date(input.value).getTime()
}
