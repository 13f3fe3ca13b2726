import { element, setText } from './element.ts'

/** As long as somebody needs to read the question. */
const ASKED_MS = 6_000

/** A button that asks before it acts: the second press is the answer. */
export function confirmedButton(label: string, question: () => string, act: () => void): HTMLButtonElement {
  const button = element('button', { type: 'button' }, label)
  let asked: number | undefined
  const reset = () => {
    clearTimeout(asked)
    asked = undefined
    setText(button, label)
  }
  button.addEventListener('click', () => {
    if (asked === undefined) {
      setText(button, question())
      asked = window.setTimeout(reset, ASKED_MS)
      return
    }
    reset()
    act()
  })
  button.addEventListener('blur', reset)
  return button
}
