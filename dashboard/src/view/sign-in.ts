import { element, setText } from './element.ts'

/** What tokens and keys are made of. */
const TOKEN = /^[\w.~+/=-]+$/

/** Asks for a token until it gets one. @param isAgain the one before was refused */
export function askForToken(place: HTMLElement, isAgain: boolean): Promise<string> {
  const input = element('input', { id: 'token', type: 'password', autocomplete: 'off', required: '' })
  const problem = element('p', { role: 'alert' }, isAgain ? 'The gateway does not take this token.' : '')
  const form = element(
    'form',
    { class: 'notice sign-in' },
    element('label', { for: 'token' }, 'This gateway asks who you are. Paste a token or an API key.'),
    input,
    element('button', { type: 'submit' }, 'Sign in'),
    problem,
    element('p', { class: 'hint' }, 'For development:'),
    element('pre', {}, "npx tidegate token --sub me --subscribe '>' --query '>' --command '>'"),
  )
  place.replaceChildren(form)
  input.focus()
  return new Promise((resolve) => {
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const token = input.value.trim()
      if (TOKEN.test(token)) resolve(token)
      else setText(problem, 'A token has letters, digits and . ~ + / = _ - only.')
    })
  })
}
