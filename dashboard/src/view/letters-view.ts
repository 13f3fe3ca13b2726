import { ALL_LETTERS, DeadLetterList, type LetterQuery, type LetterSource } from '../model/dead-letters.ts'
import type { KeyStyles } from '../model/key-styles.ts'
import { confirmedButton } from './confirmed-button.ts'
import { element, setText } from './element.ts'
import { formatCount } from './format.ts'
import { labelled } from './labelled.ts'
import { LetterRows, resultsText } from './letter-rows.ts'
import type { View } from './view.ts'

/** Events on which code of the application failed: what they are, and redriving them. */
export class LettersView implements View {
  readonly root: HTMLElement
  readonly #letters: DeadLetterList
  readonly #rows: LetterRows
  readonly #topic = element('select', { id: 'letter-topic' }, element('option', { value: '' }, 'all'))
  readonly #key = element('input', { id: 'letter-key', placeholder: 'all', autocomplete: 'off', spellcheck: 'false' })
  readonly #cause = element('input', { id: 'letter-cause', placeholder: 'a part of it', autocomplete: 'off' })
  readonly #status = element('p', { class: 'caption tail-status', role: 'status' })
  readonly #problem = element('p', { class: 'bad', role: 'alert', hidden: '' })
  readonly #summary = element('p', { class: 'redriven', role: 'status', hidden: '' })
  readonly #all: HTMLButtonElement
  readonly #more = element('button', { type: 'button', hidden: '' }, 'More')

  constructor(source: LetterSource, styles: KeyStyles) {
    this.#letters = new DeadLetterList(source, () => this.#draw())
    this.#rows = new LetterRows(this.#letters, styles)
    const form = element(
      'form',
      { class: 'tail-form' },
      labelled('Topic', this.#topic),
      labelled('Key', this.#key),
      labelled('Cause', this.#cause),
      element('button', {}, 'Show'),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#letters.ask(this.#picked())
    })
    this.#all = confirmedButton(
      'Redrive all',
      () => `Redrive ${this.#countText()}?`,
      () => void this.#letters.redriveAll(),
    )
    this.#more.addEventListener('click', () => void this.#letters.more())
    this.root = element(
      'section',
      { class: 'view panel', id: 'dead-letters', 'aria-labelledby': 'letters-title' },
      element('h2', { id: 'letters-title' }, 'Dead letters'),
      element(
        'p',
        { class: 'caption' },
        'Events on which a step, a window or an entity of this config failed. They are kept for 24 hours.',
      ),
      form,
      element('div', { class: 'tail-head' }, this.#status, this.#all),
      this.#problem,
      this.#summary,
      this.#rows.root,
      this.#more,
    )
  }

  show([topic = '']: readonly string[]): void {
    this.#offer([topic])
    this.#topic.value = topic
    this.#key.value = ''
    this.#cause.value = ''
    void this.#letters.ask({ ...ALL_LETTERS, topic })
  }

  hide(): void {}

  /** It changes by what is asked for, not by itself. */
  draw(): void {}

  #picked(): LetterQuery {
    return { topic: this.#topic.value, key: this.#key.value, cause: this.#cause.value }
  }

  #draw(): void {
    const { list, summary } = this.#letters
    if (list.kind === 'shown') this.#offer(list.topics.map(({ topic }) => topic))
    this.#problem.hidden = list.kind !== 'failed'
    setText(this.#problem, list.kind === 'failed' ? list.message : '')
    setText(this.#status, list.kind === 'asking' ? 'Asking …' : this.#countText())
    const mayRedrive =
      list.kind === 'shown' && list.letters.some(({ topic }) => this.#letters.whyItStays(topic) === undefined)
    this.#all.hidden = !mayRedrive
    this.#all.disabled = summary.isUnderWay
    this.#more.hidden = list.kind !== 'shown' || list.next === undefined
    this.#summary.hidden = summary.redriven + summary.stay === 0 && summary.failure === undefined && !summary.isUnderWay
    setText(this.#summary, this.#summaryText())
    this.#rows.draw()
  }

  /** Lets somebody pick a topic. */
  #offer(topics: readonly string[]): void {
    const known = new Set([...this.#topic.options].map(({ value }) => value))
    const fresh = topics.filter((topic) => topic !== '' && !known.has(topic))
    this.#topic.append(...fresh.map((topic) => element('option', { value: topic }, topic)))
  }

  #countText(): string {
    const { list } = this.#letters
    if (list.kind !== 'shown') return ''
    const { length } = list.letters
    if (length === 0) return list.next === undefined ? 'There are none.' : 'None so far.'
    const count = `${formatCount(length)}${list.next === undefined ? '' : ' or more'}`
    return `${count} dead ${length === 1 && list.next === undefined ? 'letter' : 'letters'}`
  }

  #summaryText(): string {
    const { isUnderWay, redriven, stay, stored, windows, failure } = this.#letters.summary
    const parts = [
      ...(redriven > 0 ? [`${formatCount(redriven)} redriven: ${resultsText([...stored])}.`] : []),
      ...(stay > 0 ? [`${formatCount(stay)} ${stay === 1 ? 'stays' : 'stay'}.`] : []),
      ...(windows.length > 0 ? [`These windows do not see them: ${windows.join(', ')}.`] : []),
      ...(failure !== undefined ? [`It ended early: ${failure}`] : []),
      ...(isUnderWay ? ['Redriving …'] : []),
    ]
    return parts.join(' ')
  }
}
