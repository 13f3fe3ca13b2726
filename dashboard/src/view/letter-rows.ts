import type { DeadLetterList, LetterState, ShownLetter } from '../model/dead-letters.ts'
import type { KeyStyles } from '../model/key-styles.ts'
import { element, setText } from './element.ts'
import { formatCount } from './format.ts'
import { keyElement } from './key-element.ts'
import { Roving } from './roving.ts'
import { timeElement } from './time-element.ts'

/** A letter a line, that opens to the whole event, with a button that redrives it. One stop of the Tab key. */
export class LetterRows {
  readonly root = element('ol', { class: 'tail letters', id: 'letters', 'aria-label': 'Dead letters' })
  readonly #letters: DeadLetterList
  readonly #styles: KeyStyles
  readonly #roving = new Roving(this.root, 'summary, button:not([hidden])')
  readonly #rows: { readonly letter: ShownLetter; readonly draw: () => void }[] = []

  constructor(letters: DeadLetterList, styles: KeyStyles) {
    this.#letters = letters
    this.#styles = styles
  }

  draw(): void {
    const { list } = this.#letters
    const letters = list.kind === 'shown' ? list.letters : []
    const isLonger = this.#rows.every(
      ({ letter }, i) => letters[i]?.topic === letter.topic && letters[i]?.origin === letter.origin,
    )
    if (!isLonger) {
      this.#rows.length = 0
      this.root.replaceChildren()
    }
    for (const letter of letters.slice(this.#rows.length)) {
      const { root, draw } = this.#row(letter)
      this.root.append(root)
      this.#rows.push({ letter, draw })
    }
    for (const row of this.#rows) row.draw()
    this.#roving.refresh()
  }

  #row(letter: ShownLetter): { readonly root: HTMLElement; readonly draw: () => void } {
    const { topic, cause, event, origin } = letter
    const details = element(
      'details',
      {},
      element(
        'summary',
        {},
        timeElement(event.time),
        element('b', {}, topic),
        keyElement(event.key, this.#styles),
        element('span', { class: 'cause', title: cause }, cause),
      ),
    )
    // Few of them are opened.
    details.addEventListener('toggle', () => {
      if (details.childElementCount > 1) return
      const hidden = 'data' in event ? [] : [element('p', { class: 'caption' }, 'Your rights do not show its data.')]
      details.append(element('pre', {}, JSON.stringify(event, undefined, 2)), ...hidden)
    })
    const redrive = element('button', { type: 'button' }, 'Redrive')
    redrive.addEventListener('click', () => void this.#letters.redrive(letter))
    const outcome = element('p', { class: 'outcome', role: 'status' })
    const root = element('li', { 'data-origin': origin }, details, redrive, outcome)
    const draw = () => {
      const state = this.#letters.stateOf(letter)
      const stays = this.#letters.whyItStays(topic)
      redrive.hidden = stays !== undefined || isDone(state)
      redrive.disabled = state?.kind === 'asking'
      root.dataset.state = isDone(state) ? 'redriven' : state === undefined ? 'dead' : 'tried'
      setText(outcome, stays === undefined ? outcomeText(state) : `Cannot be redriven: ${stays}.`)
    }
    return { root, draw }
  }
}

function isDone(state: LetterState | undefined): boolean {
  return state?.kind === 'answered' && state.outcome.outcome === 'redriven'
}

function outcomeText(state: LetterState | undefined): string {
  switch (state?.kind) {
    case undefined:
      return ''
    case 'asking':
      return 'Redriving …'
    case 'failed':
      return state.message
    case 'answered':
      if (state.outcome.outcome === 'stays') return `Stays: ${state.outcome.why}`
      return `Redriven: ${resultsText(Object.entries(state.outcome.results))}.`
  }
}

/** `1 event to sensor.hot`. */
export function resultsText(results: readonly (readonly [topic: string, events: number])[]): string {
  if (results.length === 0) return 'a filter leaves it out now'
  return results.map(([topic, n]) => `${formatCount(n)} ${n === 1 ? 'event' : 'events'} to ${topic}`).join(', ')
}
